// Cutting words at matches, in the five ways of Hugging Face's SplitDelimiterBehavior.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "uncurl/text/regex.h"
#include "uncurl/text/tokenizers/pre_tokenizer.h"

namespace uncurl::text {

/// What becomes of a match. For "a-b--c" split at "-":
enum class Behavior {
  removed,               ///< a b c
  isolated,              ///< a - b - - c
  merged_with_previous,  ///< a- b- - c
  merged_with_next,      ///< a -b - -c
  contiguous,            ///< a - b -- c
};

/// @throws Error naming the place if `name` is none of Removed, Isolated, ...
Behavior behavior_of(const std::string& name, const std::string& place);

struct Part {
  std::size_t begin, end;
  bool is_match;
};

/// Matches and the gaps between them, in order, covering the text. `invert` swaps the two.
std::vector<Part> parts_of(const Regex& pattern, std::string_view text, bool invert);
std::vector<Part> parts_of(bool (*is_match)(char32_t), std::string_view text);

/// Each word cut at the parts that `parts` finds in it; empty pieces vanish.
Words split_words(Words words, Behavior behavior, const std::function<std::vector<Part>(std::string_view)>& parts);

}  // namespace uncurl::text
