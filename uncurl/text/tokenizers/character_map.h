// The normalisation inside a tokenizer.model, "precompiled_charsmap": a double-array trie from strings to their normal
// forms, used by SentencePiece as it lies in the file. It follows the offsets without looking, out of the file where
// they say so; hence this check before it gets the file.
#pragma once

#include <string>
#include <string_view>

namespace uncurl::text {

/// @param model  a serialised ModelProto
/// @throws Error naming `place` if it is no protocol buffer, or if an offset of its maps leads outside of them
void check_character_maps(std::string_view model, const std::string& place);

}  // namespace uncurl::text
