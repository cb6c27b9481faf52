#include "uncurl/model/tensor_file.h"

#include <ATen/ATen.h>

#include <optional>
#include <ostream>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/input_file.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/checkpoint/safetensors.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::model {
namespace {

constexpr const char* kMetadataKey = "uncurl";

}  // namespace

void write_tensor_file(const std::filesystem::path& path, const NamedTensors& tensors, const Json& metadata) {
  std::vector<checkpoint::TensorSpec> specs;
  for (const auto& [name, tensor] : tensors) {
    specs.push_back({name, dtype_name(tensor.scalar_type()), tensor.sizes().vec()});
  }
  const std::string text = json_text(metadata);
  write_file(path, [&](std::ostream& out) {
    out << checkpoint::safetensors_header(specs, {{kMetadataKey, text}});
    for (const auto& [name, tensor] : tensors) {
      const Tensor contiguous = tensor.contiguous();
      const std::span<const std::byte> bytes = bytes_of(contiguous);
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
  });
}

const Tensor& TensorFile::at(const std::string& name) const {
  const auto found = tensors.find(name);
  check(found != tensors.end(), "tensor '", name, "' is missing; was the file written by another version?");
  return found->second;
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
  const InputFile input(path);
  const checkpoint::SafetensorsFile header = checkpoint::read_safetensors_header(input);
  check(header.metadata.contains(kMetadataKey), path.string(), ": is a safetensors file, but not one of uncurl's");
  TensorFile file;
  file.metadata = parse_json(header.metadata[kMetadataKey].get<std::string>(), path.string() + ": metadata");
  for (const checkpoint::TensorInfo& info : header.tensors) {
    const std::optional<at::ScalarType> type = scalar_type(info.dtype);
    check(type.has_value(), path.string(), ": tensor '", info.name, "' has dtype ", info.dtype,
          ", in which uncurl writes nothing");
    const Tensor tensor = at::empty(info.shape, *type);
    input.read(info.begin, writable_bytes_of(tensor));
    file.tensors.emplace(info.name, tensor);
  }
  return file;
}

}  // namespace uncurl::model
