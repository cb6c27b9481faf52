// The stages of a Hugging Face tokenizer in a row: added tokens, normalizer, pre-tokenizer, BPE, post-processor.
#pragma once

#include <memory>
#include <vector>

#include "uncurl/text/tokenizer.h"
#include "uncurl/text/tokenizers/added_tokens.h"
#include "uncurl/text/tokenizers/bpe.h"
#include "uncurl/text/tokenizers/decoder.h"
#include "uncurl/text/tokenizers/normalizer.h"
#include "uncurl/text/tokenizers/post_processor.h"
#include "uncurl/text/tokenizers/pre_tokenizer.h"

namespace uncurl::text {

struct PipelineParts {
  std::vector<AddedToken> added_tokens;
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  Bpe model;
  SpecialTokens special_tokens;
  Decoder decoder = {};
};

std::unique_ptr<Tokenizer> make_pipeline(PipelineParts parts);

}  // namespace uncurl::text
