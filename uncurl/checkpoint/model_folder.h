// Whether a path is the folder of a model at all. What people give instead is told apart, so that the message can name
// the folder or the step that is missing.
#pragma once

#include <filesystem>

namespace uncurl::checkpoint {

/// @throws Error unless it is a folder: a file, a hub id that was not downloaded, or nothing
void check_is_folder(const std::filesystem::path& folder);

/// @throws Error unless `folder` is a folder with a config.json: says what it is (as above, a hub cache entry, a
///         LoRA adapter, another format) and what to give or do instead
void check_is_model_folder(const std::filesystem::path& folder);

}  // namespace uncurl::checkpoint
