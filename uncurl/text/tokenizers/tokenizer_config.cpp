#include "uncurl/text/tokenizers/tokenizer_config.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "uncurl/base/error.h"
#include "uncurl/base/json.h"
#include "uncurl/base/open_file.h"
#include "uncurl/text/tokenizers/vocabulary_file.h"

namespace uncurl::text {
namespace {

// "<s>" or {"content": "<s>", ...}
std::optional<std::string> token_name(const JsonObject& config, const char* key) {
  if (!config.has(key)) return std::nullopt;
  return config.json().at(key).is_string() ? config.string(key) : config.object(key).string("content");
}

std::optional<bool> optional_flag(const JsonObject& config, const char* key) {
  return config.has(key) ? std::optional(config.boolean(key)) : std::nullopt;
}

std::vector<AddedToken> read_added_tokens(const JsonObject& config) {
  std::vector<AddedToken> tokens;
  if (!config.has("added_tokens_decoder")) return tokens;
  const JsonObject decoder = config.object("added_tokens_decoder");
  for (const auto& [key, value] : decoder.json().items()) {
    AddedToken token = read_added_token(JsonObject(value, decoder.place() + "." + key));
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), token.id);
    check(error == std::errc() && end == key.data() + key.size() && token.id >= 0, decoder.place(), ": '", key,
          "' is not a token id");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer_config.json";
  if (!has_entry(path)) return {};
  const Json json = read_json(path);
  const JsonObject config(json, path.string());
  TokenizerConfig result;
  result.tokenizer_class = config.string("tokenizer_class", "");
  result.add_bos_token = optional_flag(config, "add_bos_token");
  result.add_eos_token = optional_flag(config, "add_eos_token");
  result.add_prefix_space = config.boolean("add_prefix_space", false);
  result.bos_token = token_name(config, "bos_token");
  result.eos_token = token_name(config, "eos_token");
  for (const char* const key : {"bos_token", "eos_token", "unk_token", "pad_token"})
    if (const auto name = token_name(config, key)) result.special_tokens.push_back(*name);
  if (config.has("additional_special_tokens"))
    for (const Json& token : config.array("additional_special_tokens"))
      result.special_tokens.push_back(token.is_string() ? token.get<std::string>()
                                                        : JsonObject(token, path.string()).string("content"));
  result.added_tokens = read_added_tokens(config);
  return result;
}

}  // namespace uncurl::text
