// What the files of BPE tokenizers have in common: tables from token to id, merges, entries for added tokens.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "uncurl/base/json.h"
#include "uncurl/text/tokenizers/added_tokens.h"
#include "uncurl/text/tokenizers/bpe.h"

namespace uncurl::text {

/// @throws Error naming the file if it cannot be read or is not JSON
nlohmann::json parse_table(const std::filesystem::path& path);

/// {"token": id, ...}
/// @throws Error naming the place if it is anything else, or empty
Vocabulary read_vocabulary(const nlohmann::json& json, const std::string& place);

/// "a b" as it stands in merges.txt and older tokenizer.json files.
std::pair<std::string, std::string> split_merge(const std::string& line, const std::string& place);

/// {"content": ..., "lstrip": ...} without its id.
AddedToken read_added_token(const JsonObject& json);

}  // namespace uncurl::text
