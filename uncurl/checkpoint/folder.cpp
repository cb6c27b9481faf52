#include "uncurl/checkpoint/folder.h"

#include <algorithm>
#include <array>
#include <set>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/open_file.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/checkpoint/model_folder.h"

namespace uncurl::checkpoint {

namespace fs = std::filesystem;

namespace {

constexpr int kIndexDepth = 16;  // weight_map is at depth 2; metadata is free

constexpr std::array kWeightExtensions = {".safetensors", ".bin", ".gguf", ".pth",    ".pt",
                                          ".ckpt",        ".h5",  ".onnx", ".msgpack"};

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> entries;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) entries.push_back(entry->path());
  check(!error, folder.string(), ": cannot be listed: ", error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

[[noreturn]] void fail_without_weights(const fs::path& folder) {
  const std::vector<fs::path> entries = sorted_entries(folder);
  const auto has = [&](std::string_view extension) {
    return std::any_of(entries.begin(), entries.end(),
                       [&](const fs::path& path) { return path.extension() == extension; });
  };
  const std::string start = concat(folder.string(), ": has neither ", kSingleFileName, " nor ", kIndexFileName);
  if (has(".safetensors")) {
    fail(start, ", but other .safetensors files; rename a single one to ", kSingleFileName,
         ", or fetch the index that belongs to the shards");
  }
  if (has(".bin") || has(".pth") || has(".pt")) {
    fail(start,
         ", but PyTorch weights (.bin, .pth, .pt), which uncurl does not read because they can run code; convert them "
         "with transformers: AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)");
  }
  if (has(".gguf")) fail(start, ", but GGUF; use the Hugging Face folder with safetensors that it was converted from");
  fail(start, "; is this the folder of a model, and is the download complete?");
}

/// Tensor name to file name, with every file name checked to be a plain one.
std::map<std::string, std::string> read_weight_map(const fs::path& index) {
  const SortedJson json = parse_strict_json(read_text(index), index.string(), kIndexDepth);
  check(json.is_object() && json.contains("weight_map") && json["weight_map"].is_object(), index.string(),
        ": expected an object with a 'weight_map' from tensor names to files");

  std::map<std::string, std::string> weight_map;
  for (const auto& [tensor, value] : json["weight_map"].items()) {
    if (!value.is_string())
      fail(index.string(), ": weight_map '", tensor, "' should be a file name, found ", value.dump());
    const std::string name = value.get<std::string>();
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
      fail(index.string(), ": weight_map '", tensor, "' should be a file in the same folder, found '", name, "'");
    }
    weight_map.emplace(tensor, name);
  }
  check(!weight_map.empty(), index.string(),
        ": 'weight_map' is empty; expected the file of every tensor. Is the download complete?");
  return weight_map;
}

std::vector<std::string> distinct_files(const std::map<std::string, std::string>& weight_map) {
  std::set<std::string> names;
  for (const auto& [tensor, name] : weight_map) names.insert(name);
  return {names.begin(), names.end()};
}

bool is_weights(const fs::path& path) {
  fs::path weights = path;
  const std::string name = path.filename().string();
  if (name.ends_with(".index.json")) weights = name.substr(0, name.size() - std::string(".index.json").size());
  return std::find(kWeightExtensions.begin(), kWeightExtensions.end(), weights.extension()) != kWeightExtensions.end();
}

/// Sorted; empty if there is no such folder.
std::vector<fs::path> additional_chat_templates(const fs::path& folder) {
  std::vector<fs::path> templates;
  if (!fs::is_directory(folder / kTemplatesFolder)) return templates;
  for (const fs::path& path : sorted_entries(folder / kTemplatesFolder)) {
    if (path.extension() == ".jinja" && fs::is_regular_file(path)) templates.push_back(path);
  }
  return templates;
}

}  // namespace

WeightFiles find_weight_files(const fs::path& folder) {
  check_is_folder(folder);
  const bool has_single = has_entry(folder / kSingleFileName);
  if (!has_entry(folder / kIndexFileName)) {
    if (!has_single) fail_without_weights(folder);
    return {.names = {kSingleFileName}, .weight_map = {}, .has_index = false};
  }

  WeightFiles files{.names = {}, .weight_map = read_weight_map(folder / kIndexFileName), .has_index = true};
  files.names = distinct_files(files.weight_map);
  if (has_single && std::find(files.names.begin(), files.names.end(), kSingleFileName) == files.names.end()) {
    fail(folder.string(), ": holds both ", kSingleFileName, " and ", kIndexFileName, ", which lists other files (",
         files.names.front(), ", ...); one of them is left from an earlier save, remove it");
  }
  for (const std::string& name : files.names) {
    check(has_entry(folder / name), folder.string(), ": shard '", name, "' is missing, though ", kIndexFileName,
          " lists it; is the download complete?");
    check_is_file(folder / name);
  }
  return files;
}

OtherFiles find_other_files(const fs::path& folder) {
  OtherFiles files;
  for (const fs::path& path : sorted_entries(folder)) {
    std::error_code broken_link;
    const bool carried =
        fs::is_regular_file(path, broken_link) && !is_weights(path) && !path.filename().string().starts_with('.');
    if (path.filename() != kTemplatesFolder) (carried ? files.carried : files.skipped).push_back(path);
  }
  for (fs::path& path : additional_chat_templates(folder)) files.carried.push_back(std::move(path));
  std::sort(files.carried.begin(), files.carried.end());
  return files;
}

fs::path name_in_copy(const fs::path& file) {
  const fs::path folder = file.parent_path().filename();
  return folder == kTemplatesFolder ? folder / file.filename() : file.filename();
}

}  // namespace uncurl::checkpoint
