// The `normalizer` of tokenizer.json: text to text, before anything is split.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "uncurl/base/json.h"

namespace uncurl::text {

using Normalizer = std::function<std::string(std::string_view)>;  ///< valid UTF-8 to valid UTF-8

/// NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace, ByteLevel and Sequence; null is the identity.
/// @throws Error naming the type that is not supported
Normalizer make_normalizer(const Json& json, const std::string& place);

}  // namespace uncurl::text
