// What survives a loss of power: bytes and names that were synced. Data are synced before a rename gives them their
// name, and the folder of the name after it; whatever is said to be done has been through here.
#pragma once

#include <filesystem>

namespace uncurl {

/// Returns once the bytes of a file, or the names in a folder, are on the disk. File systems that cannot sync one and
/// say so have nothing to promise; that is no error, nor is a folder that may be written to but not opened.
/// @throws Error naming the path and the system's reason
void sync_file(const std::filesystem::path& file);
void sync_folder(const std::filesystem::path& folder);

/// Every file and folder below `folder`, and itself. Links are not followed.
void sync_tree(const std::filesystem::path& folder);

/// Syncs an open file. @return 0, or the system's reason
int sync_descriptor(int descriptor);

/// Renames and returns once the new name is on the disk. The caller has synced the content.
/// @throws Error naming both paths; the name is the old one then, or the new one that may not survive a loss of power
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to);

/// The folder that holds a name, also where the path is relative.
std::filesystem::path parent_of(const std::filesystem::path& path);

}  // namespace uncurl
