// Byte pair encoding: a word becomes characters, then the pair of neighbours with the lowest rank is merged until none
// is left. Sennrich et al. 2016 (arXiv 1508.07909), section 3.2; with the byte fallback of SentencePiece.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace uncurl::text {

/// Hash that lets a map of strings be searched by string_view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

using Vocabulary = std::unordered_map<std::string, std::int32_t, TextHash, std::equal_to<>>;

struct BpeData {
  Vocabulary vocabulary;
  std::vector<std::pair<std::string, std::string>> merges;  ///< in the order of their ranks
  std::optional<std::string> unknown_token;                 ///< without one, unknown characters vanish
  bool fuse_unknown = false;                                ///< neighbouring unknown characters count as one
  bool byte_fallback = false;  ///< unknown characters become <0xNN> tokens if there are such
  bool ignore_merges = false;  ///< a word that is in the vocabulary is taken whole
  std::string place;           ///< the file, for errors
};

class Bpe {
 public:
  /// @throws Error if a merge or the unknown token is not in the vocabulary, or an id is negative
  explicit Bpe(BpeData data);
  ~Bpe();
  Bpe(Bpe&&) noexcept;
  Bpe& operator=(Bpe&&) noexcept;

  /// Appends the ids of one word (valid UTF-8). O(n log n) in its length; short words are remembered.
  void encode(std::string_view word, std::vector<std::int32_t>& ids) const;

  std::int32_t id_of(std::string_view token) const;    ///< -1 if it is not in the vocabulary
  const std::string* token_of(std::int32_t id) const;  ///< null if no token has that id
  std::int64_t vocabulary_size() const { return vocabulary_size_; }

 private:
  struct Merge {
    std::uint32_t rank;
    std::int32_t id;
  };
  struct Symbol;
  struct Candidate;
  class MergeTable;
  class WordCache;

  std::int32_t add_merge(const std::string& left, const std::string& right) const;
  std::vector<Symbol> symbols_of(std::string_view word) const;
  bool append_bytes(std::string_view character, std::vector<Symbol>& symbols) const;
  void merge_all(std::vector<Symbol>& symbols) const;

  BpeData data_;
  std::int64_t vocabulary_size_ = 0;
  std::unordered_map<std::int32_t, const std::string*> tokens_;  ///< by id: keys of the vocabulary
  std::int32_t unknown_id_ = -1;
  std::vector<std::int32_t> byte_ids_;  ///< [256] ids of <0xNN>, -1 where absent
  std::unique_ptr<MergeTable> merges_;
  std::unique_ptr<WordCache> cache_;
};

}  // namespace uncurl::text
