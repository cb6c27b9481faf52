#include "uncurl/text/tokenizers/pipeline.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

AddedTokenFinder finder_of(const PipelineParts& parts, bool normalized) {
  std::vector<AddedToken> tokens;
  for (const AddedToken& token : parts.added_tokens) {
    if (token.normalized != normalized) continue;
    tokens.push_back(token);
    if (normalized) tokens.back().content = parts.normalizer(token.content);
  }
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
  return AddedTokenFinder(std::move(tokens));
}

class Pipeline : public Tokenizer {
 public:
  explicit Pipeline(PipelineParts parts)
      : parts_(std::move(parts)), raw_finder_(finder_of(parts_, false)), normalized_finder_(finder_of(parts_, true)) {
    vocabulary_size_ = parts_.model.vocabulary_size();
    const auto include = [&](std::int32_t id) { vocabulary_size_ = std::max(vocabulary_size_, std::int64_t{id} + 1); };
    for (const AddedToken& token : parts_.added_tokens) include(token.id);
    for (const std::int32_t id : parts_.special_tokens.before) include(id);
    for (const std::int32_t id : parts_.special_tokens.after) include(id);
  }

  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    const std::string valid = valid_utf8(text);
    std::vector<std::int32_t> ids;
    if (add_special_tokens) ids = parts_.special_tokens.before;
    for (const Section& section : raw_finder_.split(valid)) {
      if (section.id >= 0)
        ids.push_back(section.id);
      else
        encode_between_tokens(section.text, section.text.data() == valid.data(), ids);
    }
    if (add_special_tokens)
      std::copy(parts_.special_tokens.after.begin(), parts_.special_tokens.after.end(), std::back_inserter(ids));
    return ids;
  }

  std::string decode(std::span<const std::int32_t> ids, bool special_tokens) const override {
    std::vector<std::string> tokens;
    for (const std::int32_t id : ids) {
      const auto added = std::find_if(parts_.added_tokens.begin(), parts_.added_tokens.end(),
                                      [&](const AddedToken& token) { return token.id == id; });
      if (added != parts_.added_tokens.end()) {
        if (special_tokens || !added->special) tokens.push_back(added->content);
        continue;
      }
      const std::string* const token = parts_.model.token_of(id);
      check(token != nullptr, "token id ", id, " has no text in this tokenizer");
      tokens.push_back(*token);
    }
    return parts_.decoder(tokens);
  }

  std::int64_t vocabulary_size() const override { return vocabulary_size_; }

 private:
  void encode_between_tokens(std::string_view text, bool at_start, std::vector<std::int32_t>& ids) const {
    const std::string normalized = parts_.normalizer(text);
    for (const Section& section : normalized_finder_.split(normalized)) {
      if (section.id >= 0) {
        ids.push_back(section.id);
        continue;
      }
      Words words(1);
      words[0] = {std::string(section.text), at_start && section.text.data() == normalized.data()};
      for (const Word& word : parts_.pre_tokenizer(std::move(words))) parts_.model.encode(word.text, ids);
    }
  }

  PipelineParts parts_;
  AddedTokenFinder raw_finder_;         // looks at the text as it came
  AddedTokenFinder normalized_finder_;  // looks at what the normalizer made of it
  std::int64_t vocabulary_size_ = 0;
};

}  // namespace

std::unique_ptr<Tokenizer> make_pipeline(PipelineParts parts) { return std::make_unique<Pipeline>(std::move(parts)); }

}  // namespace uncurl::text
