// Files of text: UTF-8, and nothing else in silence.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace uncurl::text {

/// What the bytes are instead of UTF-8: "UTF-16 (little endian)", "UTF-32 ..." by their byte order mark or their zero
/// bytes, "binary data" with other zero bytes; empty where they are text. Invalid UTF-8 without zero bytes is text.
std::string other_encoding(std::string_view bytes);

/// The bytes of a file, without a byte order mark of UTF-8.
/// @throws Error naming the encoding that was found and how to convert the file
std::string read_text_file(const std::filesystem::path& path);

}  // namespace uncurl::text
