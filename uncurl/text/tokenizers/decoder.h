// The `decoder` of tokenizer.json: from tokens back to text.
#pragma once

#include <string>
#include <vector>

#include "uncurl/base/json.h"

namespace uncurl::text {

struct Decoder {
  enum class Kind { kByteLevel, kMetaspace, kUnsupported };
  Kind kind = Kind::kByteLevel;
  bool strip_first_space = false;  ///< of kMetaspace: the first token's space was put there by the encoder
  std::string refusal;             ///< of kUnsupported: what decode says

  /// The text of tokens one after another; invalid UTF-8 becomes U+FFFD.
  /// @throws Error with `refusal` for kUnsupported
  std::string operator()(const std::vector<std::string>& tokens) const;
};

/// ByteLevel; Metaspace, or the Sequence of Replace, ByteFallback, Fuse and Strip that Llama's and Mistral's files
/// have. Anything else is refused when it is used: most commands never decode.
Decoder read_decoder(const Json& json, const std::string& place);

}  // namespace uncurl::text
