// Plain text as records of a size that fits a model's context.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace uncurl::text {

inline constexpr std::size_t kRecordBytes = 2000;       ///< paragraphs are joined until they have this many
inline constexpr std::size_t kLongestParagraph = 8000;  ///< longer ones are cut

/// Paragraphs are separated by lines of white space only; joined, they have one empty line between them. A paragraph of
/// more than kLongestParagraph bytes is cut after the last line end, else the last space, else the last whole
/// character that fits. Line ends become "\n". Nothing else is changed, and no byte of the text but blank lines is
/// lost.
std::vector<std::string> records_of_text(std::string_view text);

}  // namespace uncurl::text
