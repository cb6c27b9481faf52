// tokenizer_config.json, as far as it decides ids for the older tokenizer files (tokenizer.json says all of it itself).
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/text/tokenizers/added_tokens.h"

namespace uncurl::text {

struct TokenizerConfig {
  std::string tokenizer_class;  ///< empty if it is not said
  std::optional<bool> add_bos_token, add_eos_token;
  bool add_prefix_space = false;
  std::optional<std::string> bos_token, eos_token;
  std::vector<std::string> special_tokens;  ///< bos, eos, unk, pad and additional ones, without ids
  std::vector<AddedToken> added_tokens;     ///< added_tokens_decoder, with ids
};

/// The config in `folder`; all defaults if there is none. Without added_tokens_decoder, special_tokens_map.json and
/// added_tokens.json say the rest, as in transformers.
/// @throws Error naming the file and key
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

}  // namespace uncurl::text
