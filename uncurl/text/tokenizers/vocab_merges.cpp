#include "uncurl/text/tokenizers/vocab_merges.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/text/tokenizers/pipeline.h"
#include "uncurl/text/tokenizers/tokenizer_config.h"
#include "uncurl/text/tokenizers/vocabulary_file.h"

namespace uncurl::text {
namespace {

constexpr const char* kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::vector<std::pair<std::string, std::string>> read_merges(const std::filesystem::path& path) {
  std::istringstream lines(read_text(path));
  std::vector<std::pair<std::string, std::string>> merges;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.starts_with("#version")) continue;
    merges.push_back(split_merge(line, concat(path.string(), ":", number)));
  }
  check(!merges.empty(), path.string(), ": holds no merges, expected two tokens a line; is the download complete?");
  return merges;
}

// How text is cut into words is known by the tokenizer's class only.
void set_stages(PipelineParts& parts, const TokenizerConfig& config, const std::string& place) {
  const std::string& name = config.tokenizer_class;
  if (name.empty() || name == "GPT2Tokenizer" || name == "GPT2TokenizerFast") {
    parts.normalizer = make_normalizer(nullptr, place);
    parts.pre_tokenizer = byte_level(config.add_prefix_space, /*use_regex=*/true);
  } else if (name == "Qwen2Tokenizer" || name == "Qwen2TokenizerFast") {
    const Json split = {{"type", "Split"}, {"pattern", {{"Regex", kQwenPattern}}}, {"behavior", "Isolated"}};
    const Json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", config.add_prefix_space}, {"use_regex", false}};
    parts.normalizer = make_normalizer({{"type", "NFC"}}, place);
    parts.pre_tokenizer =
        make_pre_tokenizer({{"type", "Sequence"}, {"pretokenizers", Json::array({split, bytes})}}, place);
  } else {
    fail(place, ": tokenizer_class '", name, "' is not known for vocabulary and merges files (known: GPT2Tokenizer, ",
         "Qwen2Tokenizer); save a tokenizer.json with transformers' fast tokenizer and use that");
  }
}

std::vector<AddedToken> added_tokens_of(const TokenizerConfig& config, const Bpe& model) {
  std::vector<AddedToken> tokens = config.added_tokens;
  std::vector<std::string> names = config.special_tokens;
  if (names.empty()) names.push_back("<|endoftext|>");  // GPT-2's only special token
  for (const std::string& name : names) {
    const bool listed =
        std::any_of(tokens.begin(), tokens.end(), [&](const AddedToken& token) { return token.content == name; });
    if (!listed && model.id_of(name) >= 0)
      tokens.push_back({.content = name, .id = model.id_of(name), .normalized = false, .special = true});
  }
  return tokens;
}

std::vector<std::int32_t> id_if(bool wanted, const std::optional<std::string>& token, const PipelineParts& parts,
                                const std::string& place) {
  if (!wanted) return {};
  check(token.has_value(), place,
        ": tokenizer_config.json asks for a token at the edge of each text, but does not name it");
  for (const AddedToken& added : parts.added_tokens)
    if (added.content == *token) return {added.id};
  fail(place, ": '", *token, "' of tokenizer_config.json is not in the vocabulary");
}

}  // namespace

std::unique_ptr<Tokenizer> open_vocab_merges(const std::filesystem::path& vocabulary,
                                             const std::filesystem::path& merges) {
  const std::string place = vocabulary.string();
  const TokenizerConfig config = read_tokenizer_config(vocabulary.parent_path());
  BpeData data;
  data.place = place;
  data.vocabulary = read_vocabulary(parse_table(vocabulary), place);
  data.merges = read_merges(merges);
  PipelineParts parts{
      .added_tokens = {}, .normalizer = {}, .pre_tokenizer = {}, .model = Bpe(std::move(data)), .special_tokens = {}};
  set_stages(parts, config, place);
  parts.added_tokens = added_tokens_of(config, parts.model);
  parts.special_tokens.before = id_if(config.add_bos_token.value_or(false), config.bos_token, parts, place);
  parts.special_tokens.after = id_if(config.add_eos_token.value_or(false), config.eos_token, parts, place);
  return make_pipeline(std::move(parts));
}

}  // namespace uncurl::text
