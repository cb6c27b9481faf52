// A tokenizer beside a model with fewer embeddings than it has ids: tokens that were added and never given one. They
// matter where a text uses them, and nowhere else.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

/// The same tokenizer, but encode() throws Error naming the token where an id is not below `num_embeddings`.
/// @param place  of the tokenizer, in errors
std::unique_ptr<Tokenizer> within_embeddings(std::unique_ptr<Tokenizer> tokenizer, std::int64_t num_embeddings,
                                             std::string place);

}  // namespace uncurl::text
