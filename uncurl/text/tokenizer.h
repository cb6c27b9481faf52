// Text to token ids. The kinds of tokenizer differ by the files a checkpoint folder holds; see tokenizers/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uncurl::text {

/// A tokenizer in memory. Const member functions may be called from several threads at once.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of a text. Invalid UTF-8 counts as U+FFFD, as often as Python's bytes.decode("utf-8", "replace") says.
  /// Special tokens written out in the text ("<|endoftext|>") become their ids, as in Hugging Face's fast tokenizers.
  /// @param add_special_tokens  add what the tokenizer's own post-processor adds (a leading <s>, for example)
  virtual std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const = 0;

  /// The text of ids; invalid UTF-8 becomes U+FFFD. As Hugging Face's decode(ids, skip_special_tokens=...).
  /// @param special_tokens  whether they stand in the text or are left out
  /// @throws Error naming the decoder of tokenizer.json if it is not supported, or an id without a token
  virtual std::string decode(std::span<const std::int32_t> ids, bool special_tokens = false) const = 0;

  /// One more than the largest id that encode() can return. Ids of added tokens may lie beyond the embeddings of a
  /// model.
  virtual std::int64_t vocabulary_size() const = 0;
};

/// Opens the tokenizer of a checkpoint folder, or one tokenizer file. In a folder the first of these that exists is
/// taken: tokenizer.json; vocab.json with merges.txt (GPT-2's own names: encoder.json with vocab.bpe); tokenizer.model.
/// The older files obey tokenizer_config.json, where that lies beside them, in what it says of special tokens.
/// @throws Error naming what was looked for, or the part of the file that is not supported: nothing is ignored in
/// silence.
///         `truncation` and `padding` of tokenizer.json are the exception: rows are cut by the caller, as transformers
///         does.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& folder_or_file);

/// The same for a model with embeddings for the ids below `num_embeddings`: encode() throws Error naming the token
/// where a text has one beyond them, which has no meaning to the model.
std::unique_ptr<Tokenizer> open_tokenizer(const std::filesystem::path& folder, std::int64_t num_embeddings);

/// A hash of the files of a folder from which open_tokenizer decides which ids a text becomes; empty if it has no
/// tokenizer. Folders of one hash give the same ids.
std::string encoding_hash(const std::filesystem::path& folder);

/// A token that the files of a tokenizer name, or the reason why there is none.
class NamedToken {
 public:
  explicit NamedToken(std::int32_t id) : id_(id) {}
  explicit NamedToken(std::string reason) : reason_(std::move(reason)) {}

  std::optional<std::int32_t> id() const { return id_; }
  std::int32_t required() const;  ///< @throws Error with the reason

 private:
  std::optional<std::int32_t> id_;
  std::string reason_;
};

/// The token that stands before a text where nothing else does: bos_token, else eos_token, of tokenizer_config.json or
/// special_tokens_map.json. There is none if they name neither, or the name is not one token.
NamedToken beginning_of_text(const std::filesystem::path& folder, const Tokenizer& tokenizer);

/// The token that stands after a text: eos_token.
NamedToken end_of_text(const std::filesystem::path& folder, const Tokenizer& tokenizer);

}  // namespace uncurl::text
