// Whole files, read at once. Those who read files mostly write some: write_file.h comes with it.
#pragma once

#include <filesystem>
#include <string>

#include "uncurl/base/write_file.h"

namespace uncurl {

/// @throws Error naming the file and the system's reason
std::string read_text(const std::filesystem::path& path);

}  // namespace uncurl
