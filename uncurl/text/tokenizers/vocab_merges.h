// vocab.json with merges.txt: byte-level BPE as GPT-2 published it (encoder.json with vocab.bpe).
#pragma once

#include <filesystem>
#include <memory>

#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

/// These two files do not say how text is cut into words; `tokenizer_class` of the tokenizer_config.json beside them
/// does (GPT2Tokenizer, Qwen2Tokenizer), and without it they are read as GPT-2's.
/// @throws Error naming file and line, or a tokenizer class that is not known
std::unique_ptr<Tokenizer> open_vocab_merges(const std::filesystem::path& vocabulary,
                                             const std::filesystem::path& merges);

}  // namespace uncurl::text
