#include "uncurl/checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <set>
#include <string_view>
#include <tuple>

#include "uncurl/base/error.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/checkpoint/dtype.h"

namespace uncurl::checkpoint {

namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation
constexpr std::uint64_t kFirstBytes = 4096;             // tells the header's length, or that it is no such file
constexpr int kHeaderDepth = 3;                         // header > entry > shape
constexpr const char* kMetadataKey = "__metadata__";

/// @param beginning  of the file: eight bytes at least, where it has as many
std::uint64_t header_length(std::span<const std::byte> beginning, std::uint64_t file_size, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  if (text.starts_with("version https://git-lfs")) {
    fail(name, ": is a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'");
  }
  if (file_size < kLengthBytes) {
    fail(name, ": is ", file_size, " bytes long, too short for a safetensors file; is the download complete?");
  }
  std::uint64_t length = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length |= std::to_integer<std::uint64_t>(beginning[i]) << (8 * i);
  if (length > kMaxHeaderBytes || length > file_size - kLengthBytes) {
    fail(name, ": the header should be ", length, " bytes long, but the file has ", file_size,
         " bytes and a header at most ", kMaxHeaderBytes, "; is it a safetensors file, and complete?");
  }
  return length;
}

std::string_view header_text(std::span<const std::byte> beginning, std::uint64_t file_size, const std::string& name) {
  const std::uint64_t length = header_length(beginning, file_size, name);
  const std::string_view text(reinterpret_cast<const char*>(beginning.data()), beginning.size());
  const std::string_view header = text.substr(kLengthBytes, length);
  if (!header.starts_with('{')) fail(name, ": the header does not begin with '{'; is it a safetensors file?");
  return header;
}

Json read_metadata(const SortedJson& json, const std::string& name) {
  if (json.is_null()) return Json::object();  // as the reference implementation
  if (!json.is_object()) fail(name, ": ", kMetadataKey, " should be an object, found ", json.type_name());
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string())
      fail(name, ": ", kMetadataKey, " '", key, "' should be a string, found ", value.type_name());
  }
  return Json(json);
}

template <class Integer>
std::vector<Integer> read_integers(const SortedJson& json, const char* what) {
  if (!json.is_array()) fail(what, " should be a list of integers, found ", json.type_name());
  std::vector<Integer> integers;
  for (const SortedJson& value : json) {
    const bool fits = value.is_number_unsigned() &&
                      value.get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<Integer>::max());
    if (!fits) fail(what, " should hold integers from 0 to 2^63 - 1, found ", value.dump());
    integers.push_back(value.get<Integer>());
  }
  return integers;
}

/// @param data_begin  where the tensor bytes start in the file; offsets in the header count from there
TensorInfo read_tensor(const std::string& name, const SortedJson& entry, std::uint64_t data_begin,
                       std::uint64_t file_size) {
  if (!entry.is_object()) fail("should be an object, found ", entry.type_name());
  for (const char* const key : {"dtype", "shape", "data_offsets"}) {
    if (!entry.contains(key)) fail("'", key, "' is missing");
  }
  if (entry.size() != 3) fail("has keys other than dtype, shape and data_offsets: ", entry.dump());
  if (!entry["dtype"].is_string()) fail("dtype should be a string, found ", entry["dtype"].dump());

  TensorInfo info{.name = name,
                  .dtype = entry["dtype"].get<std::string>(),
                  .shape = read_integers<std::int64_t>(entry["shape"], "shape")};
  const std::uint64_t bytes = count_bytes(info.dtype, info.shape);

  const auto offsets = read_integers<std::uint64_t>(entry["data_offsets"], "data_offsets");
  if (offsets.size() != 2) fail("data_offsets should be two integers, found ", offsets.size());
  const std::uint64_t data_bytes = file_size - data_begin;
  if (offsets[0] > offsets[1]) fail("data_offsets run backwards, from ", offsets[0], " to ", offsets[1]);
  if (offsets[1] > data_bytes) {
    fail("ends at byte ", offsets[1], " of the data, but the file holds only ", data_bytes,
         "; is the download complete?");
  }
  if (offsets[1] - offsets[0] != bytes) {
    fail("takes ", offsets[1] - offsets[0], " bytes, but its dtype and shape need ", bytes);
  }
  info.begin = data_begin + offsets[0];
  info.end = data_begin + offsets[1];
  return info;
}

/// @param tensors  sorted by their bytes
void check_coverage(const std::vector<TensorInfo>& tensors, std::uint64_t data_begin, std::uint64_t file_size,
                    const std::string& name) {
  std::uint64_t covered = data_begin;
  std::string last = "the header";
  for (const TensorInfo& info : tensors) {
    if (info.begin < covered) fail(name, ": tensor '", info.name, "' overlaps ", last);
    if (info.begin > covered) {
      fail(name, ": ", info.begin - covered, " bytes between ", last, " and tensor '", info.name,
           "' belong to no tensor");
    }
    covered = info.end;
    last = "tensor '" + info.name + "'";
  }
  if (covered != file_size) fail(name, ": ", file_size - covered, " bytes after ", last, " belong to no tensor");
}

std::string quoted(const std::string& text) {
  try {
    return Json(text).dump();
  } catch (const nlohmann::json::exception&) {
    fail("'", text, "' is not UTF-8");
  }
}

std::string metadata_text(const Json& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) fail("metadata '", key, "' should be a string, found ", value.dump());
    text += concat(text.empty() ? "" : ",", quoted(key), ":", quoted(value.get<std::string>()));
  }
  return concat("{", text, "}");
}

}  // namespace

std::int64_t TensorInfo::num_elements() const { return count_elements(shape); }

namespace {

/// @param beginning  of the file, up to the end of its header at least
SafetensorsFile parse(std::span<const std::byte> beginning, std::uint64_t file_size, const std::string& name) {
  const std::string_view text = header_text(beginning, file_size, name);
  const std::uint64_t data_begin = kLengthBytes + text.size();
  const SortedJson header = with_context(
      name, [&] { return parse_strict_json(text, concat("the header of ", text.size(), " bytes"), kHeaderDepth); });

  SafetensorsFile parsed{.tensors = {}, .metadata = Json::object()};
  for (const auto& entry : header.items()) {
    const std::string& key = entry.key();
    const SortedJson& value = entry.value();
    if (key.find('\0') != std::string::npos)
      fail(name, ": the name ", SortedJson(key).dump(), " holds a zero character");
    if (key == kMetadataKey) {
      parsed.metadata = read_metadata(value, name);
    } else {
      parsed.tensors.push_back(with_context(name + ": tensor '" + key + "'",
                                            [&] { return read_tensor(key, value, data_begin, file_size); }));
    }
  }
  // Tensors without bytes share their begin with a neighbour, so the end takes part; equal ranges stay sorted by name.
  std::stable_sort(parsed.tensors.begin(), parsed.tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  check_coverage(parsed.tensors, data_begin, file_size, name);
  return parsed;
}

}  // namespace

SafetensorsFile parse_safetensors_header(std::span<const std::byte> file, const std::string& name) {
  return parse(file, file.size(), name);
}

SafetensorsFile read_safetensors_header(const InputFile& file) {
  const std::string name = file.path().string();
  std::vector<std::byte> beginning(std::min<std::uint64_t>(file.size(), kFirstBytes));
  file.read(0, beginning);
  const std::uint64_t size = kLengthBytes + header_length(beginning, file.size(), name);
  if (size > beginning.size()) {
    beginning.resize(size);
    file.read(0, beginning);
  }
  return parse(beginning, file.size(), name);
}

std::string safetensors_header(std::span<const TensorSpec> tensors, const Json& metadata) {
  std::string json;
  if (!metadata.empty()) json = quoted(kMetadataKey) + ":" + metadata_text(metadata);

  std::uint64_t begin = 0;
  std::set<std::string_view> names;
  for (const TensorSpec& tensor : tensors) {
    if (tensor.name == kMetadataKey) fail("a tensor cannot be called '", kMetadataKey, "'");
    if (!names.insert(tensor.name).second) fail("tensor '", tensor.name, "' is declared twice");
    const std::uint64_t end =
        begin + with_context("tensor '" + tensor.name + "'", [&] { return count_bytes(tensor.dtype, tensor.shape); });
    json += concat(json.empty() ? "" : ",", quoted(tensor.name), R"(:{"dtype":")", tensor.dtype, R"(","shape":)",
                   Json(tensor.shape).dump(), R"(,"data_offsets":[)", begin, ",", end, "]}");
    begin = end;
  }
  json = concat("{", json, "}");
  json.resize((json.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  if (json.size() > kMaxHeaderBytes) fail("a header of ", json.size(), " bytes; the format allows ", kMaxHeaderBytes);

  std::string length(kLengthBytes, '\0');
  for (std::size_t i = 0; i < kLengthBytes; ++i) length[i] = static_cast<char>((json.size() >> (8 * i)) & 0xff);
  return length + json;
}

}  // namespace uncurl::checkpoint
