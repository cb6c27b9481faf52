// tokenizer.json, the file of Hugging Face's fast tokenizers (huggingface/tokenizers, version "1.0").
#pragma once

#include <filesystem>
#include <memory>

#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

/// @throws Error naming the file and the part that is malformed or not supported (any model but BPE, dropout, ...)
std::unique_ptr<Tokenizer> open_tokenizer_json(const std::filesystem::path& path);

}  // namespace uncurl::text
