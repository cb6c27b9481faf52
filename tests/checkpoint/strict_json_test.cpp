#include "uncurl/checkpoint/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

using testing::HasSubstr;

std::string complaint(std::string_view text) {
  return error_of([&] { parse_strict_json(text, "f.json", /*max_depth=*/3); });
}

TEST(StrictJson, ReadsWhatAPlainParserReads) {
  EXPECT_EQ(parse_strict_json(R"({"b":[1,{"a":null}]})", "f.json", 3), SortedJson::parse(R"({"b":[1,{"a":null}]})"));
}

TEST(StrictJson, AllowsTheSameKeyInDifferentObjects) { EXPECT_EQ(complaint(R"({"a":{"k":1},"b":{"k":1}})"), ""); }

TEST(StrictJson, RefusesAKeyTwiceAtAnyLevel) {
  EXPECT_THAT(complaint(R"({"a":1,"b":2,"a":1})"), HasSubstr("f.json: key \"a\" appears twice"));
  EXPECT_THAT(complaint(R"({"x":{"a":1,"a":2}})"), HasSubstr("key \"a\" appears twice"));
  EXPECT_THAT(complaint(R"({"a":1,"\u0061":2})"), HasSubstr("key \"a\" appears twice"));
}

TEST(StrictJson, RefusesAZeroByteThatThePlainParserTakesForTheEnd) {
  const std::string_view text("{}\0rest", 7);
  EXPECT_NO_THROW(SortedJson::parse(text));  // the reason for the check
  EXPECT_THAT(complaint(text), HasSubstr("zero byte"));
}

TEST(StrictJson, RefusesDeepNestingWithoutExhaustingTheStack) {
  EXPECT_EQ(complaint("[[[1]]]"), "");
  EXPECT_THAT(complaint("[[[[1]]]]"), HasSubstr("deeper than 3"));
  EXPECT_THAT(complaint(std::string(10'000'000, '[')), HasSubstr("deeper than 3"));
}

TEST(StrictJson, RefusesBrokenTextAndBrokenUtf8) {
  EXPECT_THAT(complaint(""), HasSubstr("f.json: not valid JSON"));
  EXPECT_THAT(complaint("{} {}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint("{\"\xff\":1}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint(R"({"\ud800":1})"), HasSubstr("not valid JSON"));
}

// A moment, not minutes: an index of a large model has this many keys, and a quadratic step would show here.
TEST(StrictJson, ReadsAHundredThousandEntriesInAMoment) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) text += concat(i == 0 ? "" : ",", "\"", i, "\":{\"shape\":[1]}");
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_strict_json(text + "}", "f.json", 3).size(), 100'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace uncurl::checkpoint
