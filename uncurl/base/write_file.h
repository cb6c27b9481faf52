// Whole files, written beside the target, synced and renamed: a crash or a loss of power leaves the old or the new.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string_view>
#include <vector>

namespace uncurl {

/// Returns once the file is on the disk under its name.
/// @throws Error naming the file and the system's reason
void write_text(const std::filesystem::path& path, std::string_view text);

/// The same for what `write` puts into the stream. Whatever fails before the rename, `write` itself included, leaves
/// the old file as it was and nothing beside it.
void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);

/// @param to  must not exist. Not synced: a folder is, as a whole, before it gets its name (sync_tree)
/// @throws Error naming both and the system's reason
void copy_to(const std::filesystem::path& from, const std::filesystem::path& to);

/// The name under which a file is written before it is renamed: in the same folder, so that the rename is atomic.
std::filesystem::path partial_name(const std::filesystem::path& path);

/// @param path  of what will be written; it need not exist, its folder must
/// @throws Error with the bytes needed and free, if its disk has fewer than `num_bytes` free
void check_space(const std::filesystem::path& path, std::uint64_t num_bytes);

/// What a run will write to one place.
struct SpaceNeed {
  std::filesystem::path path;
  std::uint64_t num_bytes = 0;
};

/// The same for all that a run will write: what shares a disk is added up. @throws Error naming each with its bytes
void check_space(const std::vector<SpaceNeed>& needs);

}  // namespace uncurl
