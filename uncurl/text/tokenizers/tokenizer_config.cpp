#include "uncurl/text/tokenizers/tokenizer_config.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

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

void read_special_tokens_(TokenizerConfig& result, const JsonObject& config) {
  if (const auto name = token_name(config, "bos_token")) result.bos_token = name;
  if (const auto name = token_name(config, "eos_token")) result.eos_token = name;
  const auto add = [&](const std::string& name) {
    const auto known = std::find(result.special_tokens.begin(), result.special_tokens.end(), name);
    if (known == result.special_tokens.end()) result.special_tokens.push_back(name);
  };
  for (const char* const key : {"bos_token", "eos_token", "unk_token", "pad_token"}) {
    if (const auto name = token_name(config, key)) add(*name);
  }
  if (!config.has("additional_special_tokens")) return;
  for (const Json& token : config.array("additional_special_tokens")) {
    add(token.is_string() ? token.get<std::string>() : JsonObject(token, config.place()).string("content"));
  }
}

/// {"<image>": 300}
std::vector<AddedToken> read_older_added_tokens(const std::filesystem::path& path,
                                                const std::vector<std::string>& special_tokens) {
  const Json json = read_json(path);
  const JsonObject ids(json, path.string());
  std::vector<AddedToken> tokens;
  for (const auto& [content, unused] : ids.json().items()) {
    const std::int64_t id = ids.integer(content);
    check(id >= 0 && id <= std::numeric_limits<std::int32_t>::max(), path.string(), ": '", content, "' has id ", id,
          ", which is not a token id");
    const bool special = std::find(special_tokens.begin(), special_tokens.end(), content) != special_tokens.end();
    tokens.push_back(
        {.content = content, .id = static_cast<std::int32_t>(id), .normalized = !special, .special = special});
  }
  return tokens;
}

/// Files beside a tokenizer_config.json without added_tokens_decoder, as transformers reads them: what
/// special_tokens_map.json says comes before what the config says.
void read_older_files_(TokenizerConfig& result, const std::filesystem::path& folder) {
  const std::filesystem::path map = folder / "special_tokens_map.json", added = folder / "added_tokens.json";
  if (has_entry(map)) {
    const Json json = read_json(map);
    read_special_tokens_(result, JsonObject(json, map.string()));
  }
  if (has_entry(added)) result.added_tokens = read_older_added_tokens(added, result.special_tokens);
}

}  // namespace

TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer_config.json";
  TokenizerConfig result;
  if (has_entry(path)) {
    const Json json = read_json(path);
    const JsonObject config(json, path.string());
    result.tokenizer_class = config.string("tokenizer_class", "");
    result.add_bos_token = optional_flag(config, "add_bos_token");
    result.add_eos_token = optional_flag(config, "add_eos_token");
    result.add_prefix_space = config.boolean("add_prefix_space", false);
    read_special_tokens_(result, config);
    result.added_tokens = read_added_tokens(config);
    if (config.has("added_tokens_decoder")) return result;
  }
  read_older_files_(result, folder);
  return result;
}

}  // namespace uncurl::text
