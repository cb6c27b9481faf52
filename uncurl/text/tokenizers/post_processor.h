// The `post_processor` of tokenizer.json, as far as it concerns ids: what comes before and after the text's own tokens.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "uncurl/base/json.h"

namespace uncurl::text {

struct SpecialTokens {
  std::vector<std::int32_t> before, after;
};

/// TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel (offsets only: nothing here) and Sequence; null is
/// none.
/// @throws Error naming the type or template that is not supported
SpecialTokens read_post_processor(const Json& json, const std::string& place);

}  // namespace uncurl::text
