// Where the program finds what was installed with it.
#pragma once

#include <filesystem>

namespace uncurl::cli {

/// The folder of task files: $UNCURL_TASKS, else share/uncurl/tasks beside the installed program, else the source
/// tree's.
std::filesystem::path tasks_folder();

/// Where paths in task files start: $UNCURL_DATA, else empty (the library's default beside the repository).
std::filesystem::path data_root();

}  // namespace uncurl::cli
