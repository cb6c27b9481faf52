#include "uncurl/text/tokenizers/bounded.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"

namespace uncurl::text {
namespace {

class BoundedTokenizer : public Tokenizer {
 public:
  BoundedTokenizer(std::unique_ptr<Tokenizer> tokenizer, std::int64_t num_embeddings, std::string place)
      : tokenizer_(std::move(tokenizer)), num_embeddings_(num_embeddings), place_(std::move(place)) {}

  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    std::vector<std::int32_t> ids = tokenizer_->encode(text, add_special_tokens);
    const auto beyond = std::find_if(ids.begin(), ids.end(), [&](std::int32_t id) { return id >= num_embeddings_; });
    if (beyond != ids.end()) fail_beyond(*beyond);
    return ids;
  }

  std::string decode(std::span<const std::int32_t> ids, bool special_tokens) const override {
    return tokenizer_->decode(ids, special_tokens);
  }

  std::int64_t vocabulary_size() const override { return tokenizer_->vocabulary_size(); }

 private:
  [[noreturn]] void fail_beyond(std::int32_t id) const {
    const std::vector<std::int32_t> one = {id};
    fail("token '", tokenizer_->decode(one, /*special_tokens=*/true), "' has id ", id, " in the tokenizer of ", place_,
         ", but the model has embeddings for ", num_embeddings_, " ids alone (0 to ", num_embeddings_ - 1,
         "). If the token was added, it was never given an embedding (resize_token_embeddings of transformers does "
         "that): leave out rows that hold it. Else this is the tokenizer of another model");
  }

  std::unique_ptr<Tokenizer> tokenizer_;
  std::int64_t num_embeddings_;
  std::string place_;
};

}  // namespace

std::unique_ptr<Tokenizer> within_embeddings(std::unique_ptr<Tokenizer> tokenizer, std::int64_t num_embeddings,
                                             std::string place) {
  if (tokenizer->vocabulary_size() <= num_embeddings) return tokenizer;
  return std::make_unique<BoundedTokenizer>(std::move(tokenizer), num_embeddings, std::move(place));
}

}  // namespace uncurl::text
