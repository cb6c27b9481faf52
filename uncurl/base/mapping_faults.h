// What happens when a mapped file can no longer be read: it was cut short while it was in use, or its disk failed. The
// kernel then sends SIGBUS to whoever touches the bytes, which no caller can turn into an exception.
#pragma once

#include <cstddef>

namespace uncurl {

/// From now on such a fault ends the process with status 1 and one `error:` line on stderr that names the file. Nothing
/// is lost that a kill at that moment would not lose. Call it once, in main.
void handle_mapping_faults();

/// MappedFile says where its file lies, so that the line can name it. @param path  kept by the caller until forgotten
void remember_mapping(const std::byte* data, std::size_t size, const char* path);
void forget_mapping(const std::byte* data);

}  // namespace uncurl
