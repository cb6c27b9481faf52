// tokenizer.model: a SentencePiece model (BPE or unigram), run by Google's library. Kudo and Richardson 2018
// (arXiv 1808.06226). Control pieces written out in the text ("</s>") become their ids, as in transformers; the
// library alone would spell them.
#pragma once

#include <filesystem>
#include <memory>

#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

/// @throws Error naming the file if it is not a SentencePiece model
std::unique_ptr<Tokenizer> open_sentencepiece(const std::filesystem::path& path);

}  // namespace uncurl::text
