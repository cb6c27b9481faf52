// Small pieces that several parts of tokenizer.json share.
#pragma once

#include <cstdint>
#include <string>

#include "uncurl/base/json.h"
#include "uncurl/text/regex.h"

namespace uncurl::text {

/// The key "pattern": {"String": "..."} or {"Regex": "..."}.
/// @throws Error naming the place if it is neither, or if the regular expression is not supported
Regex pattern_of(const JsonObject& json);

/// A token id.
/// @throws Error naming the place unless it is a whole number from 0 that fits in 31 bits
std::int32_t token_id(const Json& json, const std::string& place);

/// The steps of a Sequence. @throws Error if there are more than any tokenizer has: each is a pass over all text
const Json& steps_of(const JsonObject& json, const char* key);

/// @throws Error where steps that lengthen a text (replacements, decompositions) do so without end
void expect_bounded_growth(std::size_t bytes_before, std::size_t bytes_after, const std::string& place);

}  // namespace uncurl::text
