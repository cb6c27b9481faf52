#include "tests/fuzz/tensor_file.h"

#include <ATen/ATen.h>

#include <limits>

#include "uncurl/base/error.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/checkpoint/dtype.h"
#include "uncurl/checkpoint/safetensors.h"
#include "uncurl/tensor/bytes.h"

namespace uncurl::fuzz {
namespace {

constexpr std::uint64_t kMaxBytes = 1 << 20;

double value_of(const Json& json) {
  return json.is_null() ? std::numeric_limits<double>::quiet_NaN() : json.is_number() ? json.get<double>() : 0.0;
}

/// Infinite and huge values are converted by libtorch without undefined behaviour only where a float takes them.
std::string bytes_of_values(const Json& values, const checkpoint::TensorSpec& spec) {
  const std::uint64_t num_bytes = checkpoint::count_bytes(spec.dtype, spec.shape);
  check(num_bytes <= kMaxBytes, "too large");
  const auto type = scalar_type(spec.dtype);
  if (!type || values.empty()) return std::string(num_bytes, '\0');
  at::Tensor tensor = at::zeros({checkpoint::count_elements(spec.shape)}, at::kDouble);
  auto* const data = tensor.data_ptr<double>();
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    const double value = value_of(values[static_cast<std::size_t>(i) % values.size()]);
    const bool fits = at::isFloatingType(*type) || std::abs(value) < 100;
    data[i] = fits ? value : *type == at::kLong && std::abs(value) < 9e18 ? value : 0;
  }
  const at::Tensor converted = tensor.to(*type);
  const auto bytes = bytes_of(converted);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string build(const Json& json) {
  const JsonObject input(json, "input");
  std::vector<checkpoint::TensorSpec> specs;
  std::string data;
  const JsonObject tensors = input.object("tensors");
  for (const auto& entry : tensors.json().items()) {
    const Json& tensor = entry.value();
    check(tensor.is_array() && tensor.size() >= 2 && tensor[0].is_string() && tensor[1].is_array(), "no tensor");
    specs.push_back({entry.key(), tensor[0].get<std::string>(), {}});
    for (const Json& size : tensor[1]) {
      check(size.is_number_integer() && size.get<double>() >= 0 && size.get<double>() < 1e6, "no size");
      specs.back().shape.push_back(size.get<std::int64_t>());
    }
    data += bytes_of_values(tensor.size() > 2 && tensor[2].is_array() ? tensor[2] : Json::array(), specs.back());
    check(data.size() <= kMaxBytes, "too large");
  }
  const Json& metadata = json.contains("metadata") ? json["metadata"] : Json();
  return checkpoint::safetensors_header(specs, {{"uncurl", json_text(metadata)}}) + data;
}

}  // namespace

std::string tensor_file_of(std::string_view input) {
  try {
    return build(parse_json(input, "input"));
  } catch (const Error&) {
    return std::string(input);
  }
}

}  // namespace uncurl::fuzz
