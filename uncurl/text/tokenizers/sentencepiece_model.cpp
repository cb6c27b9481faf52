#include "uncurl/text/tokenizers/sentencepiece_model.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/text/tokenizers/added_tokens.h"
#include "uncurl/text/tokenizers/character_map.h"
#include "uncurl/text/tokenizers/tokenizer_config.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

using Processor = sentencepiece::SentencePieceProcessor;

std::unique_ptr<Processor> load(const std::filesystem::path& path) {
  auto processor = std::make_unique<Processor>();
  const std::string model = read_text(path);
  check_character_maps(model, path.string());
  try {
    const auto status = processor->LoadFromSerializedProto(model);
    check(status.ok(), path.string(), ": not a SentencePiece model (", status.ToString(), ")");
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {  // its trie throws on pieces that are empty or out of order
    fail(path.string(), ": not a SentencePiece model (", error.what(), ")");
  }
  return processor;
}

std::vector<AddedToken> added_tokens_of(const Processor& processor, const TokenizerConfig& config) {
  std::vector<AddedToken> tokens = config.added_tokens;
  for (int id = 0; id < processor.GetPieceSize(); ++id) {
    if (!processor.IsControl(id) && !processor.IsUnknown(id)) continue;
    const std::string& content = processor.IdToPiece(id);
    const bool listed =
        std::any_of(tokens.begin(), tokens.end(), [&](const AddedToken& token) { return token.content == content; });
    if (!listed) tokens.push_back({.content = content, .id = id, .normalized = false, .special = true});
  }
  return tokens;
}

class SentencePieceTokenizer : public Tokenizer {
 public:
  SentencePieceTokenizer(std::unique_ptr<Processor> processor, const TokenizerConfig& config, const std::string& place)
      : processor_(std::move(processor)), added_tokens_(added_tokens_of(*processor_, config)), finder_(added_tokens_) {
    // Llama's and Mistral's classes add <s> and no </s> unless told otherwise.
    if (config.add_bos_token.value_or(processor_->bos_id() >= 0))
      before_ = id_of(config.bos_token, processor_->bos_id(), place + ": bos_token");
    if (config.add_eos_token.value_or(false))
      after_ = id_of(config.eos_token, processor_->eos_id(), place + ": eos_token");
  }

  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    const std::string valid = valid_utf8(text);
    std::vector<std::int32_t> ids;
    if (add_special_tokens && before_) ids.push_back(*before_);
    for (const Section& section : finder_.split(valid)) {
      if (section.id >= 0)
        ids.push_back(section.id);
      else
        append_text(section.text, ids);
    }
    if (add_special_tokens && after_) ids.push_back(*after_);
    return ids;
  }

  std::string decode(std::span<const std::int32_t> ids, bool special_tokens) const override {
    std::string text;
    std::vector<int> pieces;
    const auto flush = [&] {
      std::string part;
      const auto status = processor_->Decode(pieces, &part);
      check(status.ok(), "SentencePiece could not decode ", pieces.size(), " ids: ", status.ToString());
      text += part;
      pieces.clear();
    };
    for (const std::int32_t id : ids) {
      const auto added = std::find_if(added_tokens_.begin(), added_tokens_.end(),
                                      [&](const AddedToken& token) { return token.id == id; });
      check(added != added_tokens_.end() || id < processor_->GetPieceSize(), "token id ", id,
            " has no text in this tokenizer");
      const bool is_added = added != added_tokens_.end();
      if (is_added ? added->special && !special_tokens : processor_->IsControl(id) && !special_tokens) continue;
      if (is_added || processor_->IsControl(id)) {
        flush();
        text += is_added ? added->content : processor_->IdToPiece(id);
      } else {
        pieces.push_back(id);
      }
    }
    flush();
    return valid_utf8(text);
  }

  std::int64_t vocabulary_size() const override {
    std::int64_t size = processor_->GetPieceSize();
    for (const AddedToken& token : added_tokens_) size = std::max(size, std::int64_t{token.id} + 1);
    return size;
  }

 private:
  void append_text(std::string_view text, std::vector<std::int32_t>& ids) const {
    std::vector<int> pieces;
    const auto status = processor_->Encode(text, &pieces);
    check(status.ok(), "SentencePiece could not encode a text of ", text.size(), " bytes: ", status.ToString());
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  }

  std::int32_t id_of(const std::optional<std::string>& name, int model_id, const std::string& place) const {
    if (name)
      for (const AddedToken& token : added_tokens_)
        if (token.content == *name) return token.id;
    check(model_id >= 0, place, " is to be added to each text, but the model has none");
    return model_id;
  }

  std::unique_ptr<Processor> processor_;
  std::vector<AddedToken> added_tokens_;
  AddedTokenFinder finder_;
  std::optional<std::int32_t> before_, after_;
};

}  // namespace

std::unique_ptr<Tokenizer> open_sentencepiece(const std::filesystem::path& path) {
  return std::make_unique<SentencePieceTokenizer>(load(path), read_tokenizer_config(path.parent_path()), path.string());
}

}  // namespace uncurl::text
