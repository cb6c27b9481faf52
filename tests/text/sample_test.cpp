#include "uncurl/text/sample.h"

#include <algorithm>
#include <set>

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// `count` records of `length` characters each, "name0000...", "name0001...".
Source numbered(const std::string& name, int count, std::size_t length) {
  Source source{name, std::nullopt, "hash of " + name, {}};
  for (int i = 0; i < count; ++i) {
    std::string text = name + std::to_string(10000 + i);
    text.resize(length, '.');
    source.examples.push_back({text, ""});
  }
  return source;
}

std::vector<SampledSource> sample(const std::vector<Source>& sources, const SampleOptions& options = {},
                                  const std::vector<Source>& held_out = {}) {
  return sample_rows(sources, held_out, ByteTokenizer(), options, Listener());
}

std::string text_of_row(const TokenRow& row) {
  std::string text;
  for (std::size_t i = 1; i < row.ids.size(); ++i) text += static_cast<char>(row.ids[i]);  // [0] is the special token
  return text;
}

std::vector<std::string> texts(const std::vector<TokenRow>& rows) {
  std::vector<std::string> out;
  for (const TokenRow& row : rows) out.push_back(text_of_row(row));
  return out;
}

std::int64_t tokens(const std::vector<TokenRow>& rows) {
  std::int64_t sum = 0;
  for (const TokenRow& row : rows) sum += static_cast<std::int64_t>(row.ids.size());
  return sum;
}

TEST(Sample, TakesEveryRecordOnceWhereNoCapBites) {
  const auto sampled = sample({numbered("a", 200, 10)});
  ASSERT_THAT(sampled, SizeIs(1));
  EXPECT_EQ(sampled[0].num_records, 200);
  std::set<std::string> all;
  for (const auto& side : {sampled[0].observed, sampled[0].held_out})
    for (const std::string& text : texts(side)) EXPECT_TRUE(all.insert(text).second) << text;
  EXPECT_EQ(all.size(), 200u);
}

// 2000 draws with share 0.1: 200 expected, standard deviation sqrt(2000 * 0.1 * 0.9) = 13.4; five of them are 67.
TEST(Sample, HoldsOutAboutTheShareAskedFor) {
  const auto sampled = sample({numbered("a", 2000, 8)});
  EXPECT_NEAR(static_cast<double>(sampled[0].held_out.size()), 200, 67);
}

TEST(Sample, KeepsTheOrderOfTheFile) {
  const auto sampled = sample({numbered("a", 500, 20)}, {.max_tokens = 2100});
  const auto observed = texts(sampled[0].observed);
  EXPECT_TRUE(std::is_sorted(observed.begin(), observed.end()));
}

TEST(Sample, PutsEqualRecordsOnTheSameSideInEverySource) {
  Source forwards = numbered("a", 300, 10), backwards = numbered("a", 300, 10);
  std::reverse(backwards.examples.begin(), backwards.examples.end());
  const auto sampled = sample({forwards, backwards});
  const auto first = texts(sampled[0].held_out);
  auto second = texts(sampled[1].held_out);
  std::reverse(second.begin(), second.end());
  EXPECT_EQ(first, second);
}

TEST(Sample, StaysBelowTheCapAndUsesMostOfIt) {
  const auto sampled = sample({numbered("a", 500, 99)}, {.max_tokens = 5050, .max_held_out_tokens = 450});
  EXPECT_EQ(tokens(sampled[0].observed), 5000);  // whole rows of 100 tokens
  EXPECT_EQ(tokens(sampled[0].held_out), 400);
}

TEST(HeldOutCap, IsAnEighthOfTheObservedTokensWithinLimits) {
  EXPECT_EQ(held_out_cap({}), 16384);  // of 131,072 tokens
  EXPECT_EQ(held_out_cap({.max_tokens = 40000}), 5000);
  EXPECT_EQ(held_out_cap({.max_tokens = 1 << 20}), 16384);
  EXPECT_EQ(held_out_cap({.max_tokens = 2000}), 1024);
  EXPECT_EQ(held_out_cap({.max_tokens = 300}), 300);
  EXPECT_EQ(held_out_cap({.max_tokens = 40000, .max_held_out_tokens = 100}), 100);
}

TEST(Sample, DoesNotHoldOutMoreThanItObserves) {
  const auto sampled = sample({numbered("a", 500, 9)}, {.max_tokens = 200, .held_out_share = 0.5});
  EXPECT_EQ(tokens(sampled[0].observed), 200);
  EXPECT_EQ(tokens(sampled[0].held_out), 200);
}

TEST(Sample, TakesNamedHeldOutSourcesWhole) {
  const auto sampled = sample({numbered("a", 50, 99)}, {.max_tokens = 1000, .max_held_out_tokens = 100},
                              {numbered("b", 400, 99), numbered("c", 3, 99)});
  EXPECT_EQ(tokens(sampled[0].observed), 1000);
  EXPECT_EQ(tokens(sampled[1].held_out), 40000);
  EXPECT_EQ(tokens(sampled[2].held_out), 300);
}

TEST(Sample, TellsHowManyHeldOutRecordsTheCapLeavesOut) {
  std::vector<std::string> notes;
  Listener listener;
  listener.on_note = [&](const std::string& text) { notes.push_back(text); };
  const std::vector<Source> sources = {numbered("a", 500, 9), numbered("b", 500, 9), numbered("s", 20, 9)};
  const auto whole = sample_rows(sources, {}, ByteTokenizer(), {.held_out_share = 0.5}, listener);
  EXPECT_THAT(notes, SizeIs(0));
  // What s leaves of the cap goes to a and b in equal parts, in rows of 10 tokens.
  const std::int64_t rest = (1000 - tokens(whole[2].held_out)) / 2 / 10;
  sample_rows(sources, {}, ByteTokenizer(), {.held_out_share = 0.5, .max_held_out_tokens = 1000}, listener);
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0], HasSubstr(concat("held-out records that will be measured: ", rest, " of ",
                                         whole[0].held_out.size(), " of a, ", rest, " of ", whole[1].held_out.size(),
                                         " of b (at most 1000 held-out tokens")));
  sample_rows({sources[0]}, {sources[1]}, ByteTokenizer(), {.max_tokens = 100}, listener);
  EXPECT_THAT(notes, SizeIs(1));  // a named source is taken whole
}

TEST(Sample, TakesASampleOfTheWholeFileAndNotItsHead) {
  const auto sampled = sample({numbered("a", 1000, 9)}, {.max_tokens = 1000});  // 100 of 1000 rows
  const auto observed = texts(sampled[0].observed);
  ASSERT_THAT(observed, SizeIs(100));
  const auto in_first_half =
      std::count_if(observed.begin(), observed.end(), [](const std::string& t) { return t < "a10500"; });
  EXPECT_NEAR(static_cast<double>(in_first_half), 50, 25);  // five standard deviations of 5
}

TEST(Sample, GivesWhatASmallSourceLeavesToTheOthers) {
  // Shares of 3000 would be 1000 each; the small one has at most 300, so the others get 1350 or more.
  const auto sampled = sample({numbered("a", 500, 9), numbered("s", 30, 9), numbered("b", 500, 9)},
                              {.max_tokens = 3000, .held_out_share = 0});
  EXPECT_EQ(tokens(sampled[1].observed), 300);
  EXPECT_EQ(tokens(sampled[0].observed), 1350);
  EXPECT_EQ(tokens(sampled[2].observed), 1350);
}

TEST(Sample, DoesNotDependOnTheOrderOfTheSources) {
  const Source a = numbered("a", 400, 30), b = numbered("b", 400, 17);
  const SampleOptions options{.max_tokens = 4000};
  const auto ab = sample({a, b}, options), ba = sample({b, a}, options);
  EXPECT_EQ(texts(ab[0].observed), texts(ba[1].observed));
  EXPECT_EQ(texts(ab[1].held_out), texts(ba[0].held_out));
}

TEST(Sample, CutsAndCountsLongRows) {
  const auto sampled =
      sample({numbered("a", 3, 50), numbered("b", 3, 10)}, {.sequence_length = 20, .held_out_share = 0});
  EXPECT_EQ(sampled[0].num_cut, 3);
  EXPECT_EQ(sampled[0].longest_tokens, 51);
  EXPECT_EQ(sampled[0].observed[0].ids.size(), 20u);
  EXPECT_EQ(sampled[0].observed[0].ids[0], 1000);  // the tokenizer's own special token
  EXPECT_EQ(sampled[1].num_cut, 0);
  EXPECT_EQ(sampled[1].longest_tokens, 11);
}

TEST(Sample, SkipsAndCountsRowsWithNothingToPredict) {
  Source source = numbered("a", 3, 10);
  source.examples.push_back({"", ""});
  const auto sampled = sample({source}, {.held_out_share = 0});
  EXPECT_THAT(sampled[0].observed, SizeIs(3));
  EXPECT_EQ(sampled[0].num_too_short, 1);
}

TEST(Sample, CountsPromptAndCompletionAsOneText) {
  const Source source{"a", 3.0, "h", {{"ab", "c"}}};
  const auto sampled = sample({source}, {.held_out_share = 0});
  EXPECT_THAT(sampled[0].observed[0].ids, ElementsAre(1000, 'a', 'b', 'c'));
  EXPECT_EQ(sampled[0].weight, 3.0);
  EXPECT_EQ(sampled[0].content_hash, "h");
}

TEST(Sample, NeverObservesWhatANamedHeldOutSourceHolds) {
  const Source all = numbered("a", 100, 10);
  Source some{"some", std::nullopt, "h", {all.examples.begin() + 40, all.examples.begin() + 60}};
  some.examples[0] = {some.examples[0].prompt.substr(0, 3),
                      some.examples[0].prompt.substr(3)};  // the same text, cut elsewhere
  const auto sampled = sample({all}, {}, {some});
  ASSERT_THAT(sampled, SizeIs(2));
  EXPECT_THAT(sampled[0].observed, SizeIs(80));
  EXPECT_THAT(sampled[0].held_out, SizeIs(0));
  EXPECT_EQ(sampled[0].num_also_held_out, 20);
  EXPECT_THAT(sampled[1].observed, SizeIs(0));
  EXPECT_THAT(sampled[1].held_out, SizeIs(20));
  const auto observed = texts(sampled[0].observed);
  for (const std::string& text : texts(sampled[1].held_out))
    EXPECT_EQ(std::count(observed.begin(), observed.end(), text), 0) << text;
}

TEST(Sample, WarnsWhenNothingIsHeldOut) {
  std::vector<std::string> warnings;
  Listener listener;
  listener.on_warning = [&](const std::string& text) { warnings.push_back(text); };
  sample_rows({numbered("a", 5, 10)}, {}, ByteTokenizer(), {.held_out_share = 1e-9}, listener);
  ASSERT_THAT(warnings, SizeIs(1));
  EXPECT_THAT(warnings[0], HasSubstr("a: none of its 5 records falls into the held-out share"));
  sample_rows({numbered("a", 5, 10)}, {}, ByteTokenizer(), {.held_out_share = 0}, listener);
  EXPECT_THAT(warnings, SizeIs(1));  // nothing was asked for
}

TEST(Sample, RefusesASourceWithNothingToObserve) {
  const Source source = numbered("a", 3, 10);
  EXPECT_THAT(error_of([&] { sample({source}, {}, {source}); }), HasSubstr("a: no record left to observe of 3"));
}

TEST(Sample, RefusesOptionsOutOfRange) {
  const Source source = numbered("a", 3, 10);
  EXPECT_THAT(error_of([&] { sample({source}, {.sequence_length = 1}); }), HasSubstr("sequence_length"));
  EXPECT_THAT(error_of([&] { sample({source}, {.max_tokens = 0}); }), HasSubstr("max_tokens"));
  EXPECT_THAT(error_of([&] { sample({source}, {.held_out_share = 1}); }), HasSubstr("held_out_share"));
  EXPECT_THAT(error_of([&] { sample({source}, {.max_held_out_tokens = 0}); }), HasSubstr("max_held_out_tokens"));
}

// A tokenizer that counts what it is asked to encode.
class CountingTokenizer : public ByteTokenizer {
 public:
  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    ++calls;
    return ByteTokenizer::encode(text, add_special_tokens);
  }
  mutable int calls = 0;
};

TEST(Sample, TokenisesOnlyWhatItMayTake) {
  const CountingTokenizer tokenizer;
  sample_rows({numbered("a", 5000, 9)}, {}, tokenizer, {.max_tokens = 1000, .max_held_out_tokens = 100}, Listener());
  EXPECT_LE(tokenizer.calls, 100 + 1 + 10 + 1);  // what fits, and the first record of each side that does not
}

}  // namespace
}  // namespace uncurl::text
