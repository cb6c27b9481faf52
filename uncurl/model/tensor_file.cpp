#include "uncurl/model/tensor_file.h"

#include <ATen/ATen.h>

#include <cstring>
#include <ostream>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/checkpoint/safetensors.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::model {
namespace {

constexpr const char* kMetadataKey = "uncurl";

/// Our own headers are padded so that it always is; others need not be.
bool is_aligned(const Tensor& view) {
  return reinterpret_cast<std::uintptr_t>(view.const_data_ptr()) % view.element_size() == 0;
}

Tensor copy_of_bytes(const Tensor& view) {
  Tensor copy = at::empty(view.sizes(), view.options());
  if (view.nbytes() > 0) std::memcpy(copy.mutable_data_ptr(), view.const_data_ptr(), view.nbytes());
  return copy;
}

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
  const auto mapping = std::make_shared<const MappedFile>(path);
  const checkpoint::SafetensorsFile header = checkpoint::parse_safetensors_header(mapping->bytes(), path.string());
  check(header.metadata.contains(kMetadataKey), path.string(), ": is a safetensors file, but not one of uncurl's");
  TensorFile file;
  file.metadata = parse_json(header.metadata[kMetadataKey].get<std::string>(), path.string() + ": metadata");
  for (const checkpoint::TensorInfo& info : header.tensors) {
    const auto bytes = mapping->bytes().subspan(info.begin, info.num_bytes());
    const Tensor view = view_bytes(bytes, info.dtype, info.shape, mapping);
    file.tensors.emplace(info.name, is_aligned(view) ? view : copy_of_bytes(view));
  }
  return file;
}

}  // namespace uncurl::model
