// Opening a file that someone named: only a regular file has bytes to map, and only it ends. A pipe would keep open()
// waiting for a writer, a device may never end; both are refused with what they are.
#pragma once

#include <filesystem>

namespace uncurl {

/// A descriptor of a regular file, to read from; the caller closes it. Links are followed.
/// @throws Error naming the path and what lies there instead: nothing, a link to nothing, a folder, a pipe, a socket,
///         a device; or the system's reason
int open_to_read(const std::filesystem::path& path);

/// The same refusals without opening: for what is only chosen by its name now, and opened later.
void check_is_file(const std::filesystem::path& path);

/// Whether something has this name: a link to nothing counts, so that opening it says what is wrong. Never throws: what
/// cannot be looked at counts as well.
bool has_entry(const std::filesystem::path& path);

}  // namespace uncurl
