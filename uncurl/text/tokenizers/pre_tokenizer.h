// The `pre_tokenizer` of tokenizer.json: cuts normalised text into the words within which BPE merges.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "uncurl/base/json.h"

namespace uncurl::text {

struct Word {
  std::string text;
  bool at_start = false;  ///< it begins where the original text begins: Metaspace's "first" asks
};

using Words = std::vector<Word>;
using PreTokenizer = std::function<Words(Words)>;

/// ByteLevel, Split, Digits, Metaspace, WhitespaceSplit and Sequence; null is the identity.
/// @throws Error naming the type or option that is not supported
PreTokenizer make_pre_tokenizer(const Json& json, const std::string& place);

/// GPT-2's: its regular expression, then bytes as characters.
PreTokenizer byte_level(bool add_prefix_space, bool use_regex);

}  // namespace uncurl::text
