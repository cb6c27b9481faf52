// Which files of a model folder hold the weights, and which others a copy of the model needs.
// The names are those of Hugging Face: model.safetensors, or model.safetensors.index.json and the shards it lists.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace uncurl::checkpoint {

inline constexpr const char* kSingleFileName = "model.safetensors";
inline constexpr const char* kIndexFileName = "model.safetensors.index.json";

struct WeightFiles {
  std::vector<std::string> names;                 ///< inside the folder, sorted; all exist
  std::map<std::string, std::string> weight_map;  ///< tensor name to file name; empty without an index
  bool has_index = false;
};

/// @throws Error if there is no such folder, if it holds no safetensors (naming what it holds instead and how to
/// convert
///         it), if the index is not one, names a file outside the folder or a shard that is missing, or if a single
///         file stands beside an index that does not mention it (transformers would silently prefer the single file)
WeightFiles find_weight_files(const std::filesystem::path& folder);

struct OtherFiles {
  std::vector<std::filesystem::path> carried;  ///< sorted
  std::vector<std::filesystem::path> skipped;  ///< files and folders, sorted
};

/// Everything else in the folder. Carried: regular files of the top level (config, tokenizer, chat template, remote
/// code, licence, README), links followed, and the chat templates of kTemplatesFolder. Skipped: weights and weight
/// indices in any format, hidden names, folders, broken links; the caller should tell the user about them.
OtherFiles find_other_files(const std::filesystem::path& folder);

/// Where transformers keeps the chat templates beside the usual one.
inline constexpr const char* kTemplatesFolder = "additional_chat_templates";

/// What a file of a model folder is called in a copy of the folder: its name, for chat templates with their folder.
std::filesystem::path name_in_copy(const std::filesystem::path& file);

}  // namespace uncurl::checkpoint
