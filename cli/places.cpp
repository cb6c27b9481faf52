#include "cli/places.h"

#include <cstdlib>

namespace uncurl::cli {

std::filesystem::path tasks_folder() {
  if (const char* const chosen = std::getenv("UNCURL_TASKS")) return chosen;
  std::error_code ignored;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const std::filesystem::path installed = program.parent_path().parent_path() / "share" / "uncurl" / "tasks";
  return std::filesystem::is_directory(installed) ? installed : std::filesystem::path(UNCURL_TASKS);
}

std::filesystem::path data_root() {
  const char* const chosen = std::getenv("UNCURL_DATA");
  return chosen == nullptr ? "" : chosen;
}

}  // namespace uncurl::cli
