#include "uncurl/text/tokenizers/bpe.h"

#include <algorithm>

#include "tests/text/fixtures.h"
#include "uncurl/base/random.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

BpeData letters(std::vector<std::pair<std::string, std::string>> merges) {
  BpeData data;
  data.place = "test";
  data.vocabulary = {{"a", 0}, {"b", 1}, {"c", 2}};
  for (const auto& [left, right] : merges)
    data.vocabulary.emplace(left + right, static_cast<std::int32_t>(data.vocabulary.size()));
  data.merges = std::move(merges);
  return data;
}

std::vector<std::int32_t> encode(const Bpe& bpe, const std::string& word) {
  std::vector<std::int32_t> ids;
  bpe.encode(word, ids);
  return ids;
}

// The definition, O(n^2): again and again the leftmost pair of the lowest rank.
std::vector<std::string> merge_naively(const BpeData& data, const std::string& word) {
  std::vector<std::string> parts;
  for (const char c : word) parts.emplace_back(1, c);
  while (true) {
    std::size_t best_rank = data.merges.size(), best = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = std::find(data.merges.begin(), data.merges.end(), std::pair(parts[i], parts[i + 1]));
      const auto rank = static_cast<std::size_t>(found - data.merges.begin());
      if (rank < best_rank) best_rank = rank, best = i;
    }
    if (best_rank == data.merges.size()) return parts;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

TEST(Bpe, MergesTheLowestRankFirst) {
  const Bpe bpe(letters({{"b", "c"}, {"a", "b"}}));  // bc = 3, ab = 4
  EXPECT_THAT(encode(bpe, "abc"), ElementsAre(0, 3));
}

TEST(Bpe, MergesFromTheLeftAmongEqualRanks) {
  const Bpe bpe(letters({{"a", "a"}}));
  EXPECT_THAT(encode(bpe, "aaa"), ElementsAre(3, 0));
}

TEST(Bpe, EqualsTheNaiveLoopOnRandomMergesAndWords) {
  Rng rng(11);
  BpeData data =
      letters({{"a", "a"}, {"b", "a"}, {"aa", "b"}, {"c", "ba"}, {"aab", "a"}, {"ba", "ba"}, {"b", "c"}, {"aa", "aa"}});
  const BpeData reference = data;
  const Bpe bpe(std::move(data));
  for (int trial = 0; trial < 300; ++trial) {
    std::string word;
    for (std::uint64_t n = 1 + rng.below(100); n > 0; --n) word += static_cast<char>('a' + rng.below(3));
    std::vector<std::int32_t> expected;
    for (const std::string& part : merge_naively(reference, word)) expected.push_back(reference.vocabulary.at(part));
    ASSERT_EQ(encode(bpe, word), expected) << word;
    ASSERT_EQ(encode(bpe, word), expected) << word << " again, from the cache";
  }
}

TEST(Bpe, MergesAMillionCharactersInLittleTime) {
  const Bpe bpe(letters({{"a", "a"}, {"aa", "aa"}}));
  EXPECT_EQ(encode(bpe, std::string(1 << 20, 'a')).size(), std::size_t{1} << 18);
}

TEST(Bpe, DropsUnknownCharactersWithoutAnUnknownToken) {
  const Bpe bpe(letters({{"a", "b"}}));
  EXPECT_THAT(encode(bpe, "axb"), ElementsAre(3));  // the neighbours meet, as in Hugging Face's model
}

TEST(Bpe, FusesUnknownCharactersIfAsked) {
  BpeData data = letters({});
  data.unknown_token = "c";
  EXPECT_THAT(encode(Bpe(BpeData(data)), "axyb"), ElementsAre(0, 2, 2, 1));
  data.fuse_unknown = true;
  EXPECT_THAT(encode(Bpe(std::move(data)), "axyb"), ElementsAre(0, 2, 1));
}

TEST(Bpe, FallsBackToBytesOnlyIfAllOfThemAreThere) {
  BpeData data = letters({});
  data.vocabulary.emplace("<0xC3>", 3);
  data.vocabulary.emplace("<0xA9>", 4);
  data.unknown_token = "c";
  data.byte_fallback = true;
  EXPECT_THAT(encode(Bpe(std::move(data)), "a\xC3\xA9\xC3\xA8"), ElementsAre(0, 3, 4, 2));  // a, e acute, e grave
}

TEST(Bpe, TakesWholeWordsIfMergesAreIgnored) {
  BpeData data = letters({});
  data.vocabulary.emplace("abc", 3);  // no merge leads there
  EXPECT_THAT(encode(Bpe(BpeData(data)), "abc"), ElementsAre(0, 1, 2));
  data.ignore_merges = true;
  EXPECT_THAT(encode(Bpe(std::move(data)), "abc"), ElementsAre(3));
}

TEST(Bpe, CountsTheVocabularyByItsLargestId) {
  BpeData data = letters({});
  data.vocabulary.emplace("far", 99);
  EXPECT_EQ(Bpe(std::move(data)).vocabulary_size(), 100);
}

TEST(Bpe, RefusesAMergeWithoutItsTokens) {
  BpeData data = letters({});
  data.merges = {{"a", "z"}};
  EXPECT_THAT(error_of([&] { Bpe bpe(std::move(data)); }), HasSubstr("test: merge 'a' + 'z'"));
}

TEST(Bpe, RefusesAnUnknownTokenThatIsNotThere) {
  BpeData data = letters({});
  data.unknown_token = "<unk>";
  EXPECT_THAT(error_of([&] { Bpe bpe(std::move(data)); }), HasSubstr("unk_token '<unk>'"));
}

}  // namespace
}  // namespace uncurl::text
