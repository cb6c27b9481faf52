#include "uncurl/text/tokenizers/bpe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <limits>
#include <mutex>
#include <queue>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {

// From a pair of ids to its merge: open addressing, since this lookup is most of the work on words not yet seen.
class Bpe::MergeTable {
 public:
  explicit MergeTable(std::size_t num_merges) : slots_(std::bit_ceil(2 * num_merges + 2)) {}

  void insert(std::int32_t left, std::int32_t right, Merge merge) {
    Slot& slot = slots_[find_slot(key_of(left, right))];
    slot = {key_of(left, right), merge};
  }

  const Merge* find(std::int32_t left, std::int32_t right) const {
    const Slot& slot = slots_[find_slot(key_of(left, right))];
    return slot.key == kEmpty ? nullptr : &slot.merge;
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // ids are not negative
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge{};
  };

  static std::uint64_t key_of(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
  }

  std::size_t find_slot(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t i = (key * 0x9E3779B97F4A7C15u >> 20) & mask;
    while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask;
    return i;
  }

  std::vector<Slot> slots_;
};

// The ids of short words, in shards so that threads seldom wait for each other. A full shard takes no more.
class Bpe::WordCache {
 public:
  static constexpr std::size_t kLongestWord = 64;

  bool append(std::string_view word, std::vector<std::int32_t>& ids) {
    Shard& shard = shard_of(word);
    const std::lock_guard lock(shard.mutex);
    const auto found = shard.words.find(word);
    if (found == shard.words.end()) return false;
    ids.insert(ids.end(), found->second.begin(), found->second.end());
    return true;
  }

  void insert(std::string_view word, const std::int32_t* begin, const std::int32_t* end) {
    Shard& shard = shard_of(word);
    const std::lock_guard lock(shard.mutex);
    if (shard.words.size() < kWordsPerShard) shard.words.try_emplace(std::string(word), begin, end);
  }

 private:
  static constexpr std::size_t kWordsPerShard = 4096;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<std::int32_t>, TextHash, std::equal_to<>> words;
  };

  Shard& shard_of(std::string_view word) { return shards_[TextHash{}(word) % shards_.size()]; }

  std::array<Shard, 16> shards_;
};

// A linked list in an array; a symbol that was merged into its left neighbour has id -1.
struct Bpe::Symbol {
  std::int32_t id;
  std::int32_t previous = -1, next = -1;
};

struct Bpe::Candidate {
  std::uint32_t rank;
  std::int32_t position;
  std::int32_t id;

  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

Bpe::Bpe(BpeData data)
    : data_(std::move(data)),
      byte_ids_(256, -1),
      merges_(std::make_unique<MergeTable>(data_.merges.size())),
      cache_(std::make_unique<WordCache>()) {
  for (const auto& [token, id] : data_.vocabulary) {
    check(id >= 0, data_.place, ": the vocabulary gives '", token, "' the negative id ", id);
    vocabulary_size_ = std::max(vocabulary_size_, std::int64_t{id} + 1);
    tokens_[id] = &token;
  }
  std::uint32_t rank = 0;
  for (const auto& [left, right] : data_.merges)
    merges_->insert(id_of(left), id_of(right), {rank++, add_merge(left, right)});
  data_.merges.clear();
  if (data_.unknown_token) {
    unknown_id_ = id_of(*data_.unknown_token);
    check(unknown_id_ >= 0, data_.place, ": unk_token '", *data_.unknown_token, "' is not in the vocabulary");
  }
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (std::size_t byte = 0; byte < 256 && data_.byte_fallback; ++byte)
    byte_ids_[byte] = id_of(concat("<0x", kDigits[byte / 16], kDigits[byte % 16], ">"));
}

Bpe::~Bpe() = default;
Bpe::Bpe(Bpe&&) noexcept = default;
Bpe& Bpe::operator=(Bpe&&) noexcept = default;

std::int32_t Bpe::id_of(std::string_view token) const {
  const auto found = data_.vocabulary.find(token);
  return found == data_.vocabulary.end() ? -1 : found->second;
}

const std::string* Bpe::token_of(std::int32_t id) const {
  const auto found = tokens_.find(id);
  return found == tokens_.end() ? nullptr : found->second;
}

std::int32_t Bpe::add_merge(const std::string& left, const std::string& right) const {
  const std::int32_t id = id_of(left + right);
  check(id_of(left) >= 0 && id_of(right) >= 0 && id >= 0, data_.place, ": merge '", left, "' + '", right,
        "' needs both parts and their concatenation in the vocabulary");
  return id;
}

void Bpe::encode(std::string_view word, std::vector<std::int32_t>& ids) const {
  if (word.empty()) return;
  const bool short_word = word.size() <= WordCache::kLongestWord;
  if (short_word && cache_->append(word, ids)) return;
  const std::size_t before = ids.size();
  const std::int32_t whole = data_.ignore_merges ? id_of(word) : -1;
  if (whole >= 0) {
    ids.push_back(whole);
  } else {
    std::vector<Symbol> symbols = symbols_of(word);
    merge_all(symbols);
    for (const Symbol& symbol : symbols)
      if (symbol.id >= 0) ids.push_back(symbol.id);
  }
  if (short_word) cache_->insert(word, ids.data() + before, ids.data() + ids.size());
}

std::vector<Bpe::Symbol> Bpe::symbols_of(std::string_view word) const {
  check(word.size() < static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max()), "a word of ", word.size(),
        " bytes is too long to tokenise");
  std::vector<Symbol> symbols;
  symbols.reserve(word.size());
  // One unknown token waits for its successor, as in Hugging Face's model.rs: bytes that fall back overtake it.
  bool unknown_waits = false;
  for (std::size_t i = 0; i < word.size();) {
    const std::size_t begin = i;
    next_code_point(word, i);
    const std::string_view character = word.substr(begin, i - begin);
    const std::int32_t id = id_of(character);
    if (id < 0 && data_.byte_fallback && append_bytes(character, symbols)) continue;
    if (id < 0 && unknown_id_ < 0) continue;
    if (unknown_waits && (id >= 0 || !data_.fuse_unknown)) symbols.push_back({unknown_id_});
    unknown_waits = id < 0;
    if (id >= 0) symbols.push_back({id});
  }
  if (unknown_waits) symbols.push_back({unknown_id_});
  for (std::size_t s = 0; s < symbols.size(); ++s) {
    symbols[s].previous = static_cast<std::int32_t>(s) - 1;
    symbols[s].next = s + 1 < symbols.size() ? static_cast<std::int32_t>(s) + 1 : -1;
  }
  return symbols;
}

bool Bpe::append_bytes(std::string_view character, std::vector<Symbol>& symbols) const {
  const auto id_of_byte = [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)]; };
  if (!std::all_of(character.begin(), character.end(), [&](char byte) { return id_of_byte(byte) >= 0; })) return false;
  for (const char byte : character) symbols.push_back({id_of_byte(byte)});
  return true;
}

void Bpe::merge_all(std::vector<Symbol>& symbols) const {
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto at = [&](std::int32_t position) -> Symbol& { return symbols[static_cast<std::size_t>(position)]; };
  const auto consider = [&](std::int32_t left) {
    if (left < 0 || at(left).next < 0) return;
    if (const Merge* const merge = merges_->find(at(left).id, at(at(left).next).id))
      queue.push({merge->rank, left, merge->id});
  };
  for (std::size_t s = 0; s + 1 < symbols.size(); ++s) consider(static_cast<std::int32_t>(s));
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = at(best.position);
    if (left.id < 0 || left.next < 0) continue;
    // The neighbours may have changed since this candidate was queued.
    Symbol& right = at(left.next);
    const Merge* const merge = merges_->find(left.id, right.id);
    if (!merge || merge->id != best.id) continue;
    left.id = best.id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) at(left.next).previous = best.position;
    consider(left.previous);
    consider(best.position);
  }
}

}  // namespace uncurl::text
