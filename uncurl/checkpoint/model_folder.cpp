#include "uncurl/checkpoint/model_folder.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/open_file.h"

namespace uncurl::checkpoint {

namespace fs = std::filesystem;

namespace {

/// "owner/name": what the Hugging Face hub calls a model, unless a folder has that name.
bool looks_like_hub_id(const std::string& text) {
  const auto is_id_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '/';
  };
  const std::size_t slash = text.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < text.size() && text[0] != '.' &&
         text.find('/', slash + 1) == std::string::npos && std::all_of(text.begin(), text.end(), is_id_char);
}

bool has_config(const fs::path& folder) { return has_entry(folder / "config.json"); }

/// Folders inside that hold a config.json, sorted.
std::vector<fs::path> models_inside(const fs::path& folder) {
  std::vector<fs::path> models;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored) && has_config(entry->path())) models.push_back(entry->path());
  }
  std::sort(models.begin(), models.end());
  return models;
}

/// The snapshot of a hub cache entry (models--owner--name) that refs/main names, else the first.
std::optional<fs::path> snapshot_of(const fs::path& folder) {
  const std::vector<fs::path> snapshots = models_inside(folder / "snapshots");
  if (snapshots.empty()) return std::nullopt;
  std::string commit;
  std::ifstream(folder / "refs/main") >> commit;
  const fs::path named = folder / "snapshots" / commit;
  return std::find(snapshots.begin(), snapshots.end(), named) != snapshots.end() ? named : snapshots.front();
}

/// What the folder is, and what to do instead.
std::string explanation(const fs::path& folder) {
  if (has_entry(folder / "adapter_config.json")) {
    return "it holds adapter_config.json: a LoRA adapter. Merge it into its base model first (peft: "
           "merge_and_unload(), "
           "then save_pretrained)";
  }
  if (const std::optional<fs::path> snapshot = snapshot_of(folder)) {
    return "it is an entry of the hub's cache, whose checkpoint is " + snapshot->string();
  }
  if (has_entry(folder / "model_index.json"))
    return "it holds model_index.json: a pipeline of diffusers, no language model";
  if (has_entry(folder / "params.json")) {
    return "it holds params.json: the vendor's own format. Take the version for transformers";
  }
  const std::vector<fs::path> inside = models_inside(folder);
  if (!inside.empty()) return "there is one in " + inside.front().string();
  return "is this the folder of a model, and is the download complete?";
}

}  // namespace

void check_is_folder(const fs::path& folder) {
  std::error_code ignored;
  const fs::file_status status = fs::status(folder, ignored);
  if (fs::is_directory(status)) return;
  const std::string path = folder.string();
  if (fs::exists(status)) {
    fail(path, ": is a file; expected a Hugging Face checkpoint folder, with config.json and *.safetensors",
         folder.extension() == ".gguf" ? ": the one that this GGUF was converted from" : " in it");
  }
  if (looks_like_hub_id(path)) {
    fail(path, ": no such folder. If it is the id of a model on the Hugging Face hub, download it first (hf download ",
         path, " --local-dir FOLDER) and give the folder");
  }
  fail(path, ": no such folder; expected a Hugging Face checkpoint folder");
}

void check_is_model_folder(const fs::path& folder) {
  check_is_folder(folder);
  if (has_config(folder)) return;
  fail((folder / "config.json").string(),
       ": missing; expected a Hugging Face checkpoint folder with config.json and *.safetensors; ",
       explanation(folder));
}

}  // namespace uncurl::checkpoint
