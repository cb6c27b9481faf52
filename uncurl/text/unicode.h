// UTF-8 and the few Unicode properties tokenizers ask for. Categories and case are utf8proc's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace uncurl::text {

/// The text with each maximal invalid part replaced by U+FFFD (Unicode 15, section 3.9; what Python and browsers do).
std::string valid_utf8(std::string_view text);

/// The code point at `position`, which moves past it. `text` must be valid UTF-8.
char32_t next_code_point(std::string_view text, std::size_t& position);

void append_utf8(std::string& text, char32_t code_point);

bool is_whitespace(char32_t code_point);  ///< the property White_Space
bool is_numeric(char32_t code_point);     ///< categories Nd, Nl, No
bool is_word(char32_t code_point);        ///< \w of Unicode's regular expressions (UTS 18, annex C)

/// Full lower case of each code point by itself: no final sigma, as in Rust's char::to_lowercase.
std::string lower_case(std::string_view text);

}  // namespace uncurl::text
