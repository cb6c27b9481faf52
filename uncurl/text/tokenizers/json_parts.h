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

}  // namespace uncurl::text
