// Text of unknown origin made fit for a terminal and a log: messages quote files, and files hold anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace uncurl {

/// The beginning of a text in UTF-8, well-formed or not.
struct Utf8Sequence {
  std::size_t length;  ///< of the well-formed sequence, or of the longest part of one; at least 1
  bool is_valid;
};
/// @param bytes  not empty
Utf8Sequence first_utf8_sequence(std::string_view bytes);

/// The text on one line, or, with `keep_lines`, with its ends of line: other control characters and bytes that are not
/// UTF-8 as \n, \t, \xHH or \u{HHHH}. The result is its own printable form.
std::string printable(std::string_view text, bool keep_lines = false);

/// The text, or its beginning and end around a mark that says how much is left out.
std::string shortened(std::string_view text, std::size_t max_bytes);

}  // namespace uncurl
