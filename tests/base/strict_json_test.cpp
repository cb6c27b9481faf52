#include "uncurl/base/strict_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "uncurl/base/error.h"

namespace uncurl {
namespace {

using testing::HasSubstr;

/// What both parsers say, which must be the same; "" if they read the text.
std::string complaint(std::string_view text) {
  const auto message_of = [](const auto& parse) -> std::string {
    try {
      parse();
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  };
  const std::string sorted = message_of([&] { parse_strict_json(text, "f.json", /*max_depth=*/3); });
  EXPECT_EQ(message_of([&] { parse_json(text, "f.json", /*max_depth=*/3); }), sorted);
  return sorted;
}

TEST(StrictJson, ReadsWhatAPlainParserReads) {
  EXPECT_EQ(parse_strict_json(R"({"b":[1,{"a":null}]})", "f.json", 3), SortedJson::parse(R"({"b":[1,{"a":null}]})"));
}

TEST(StrictJson, KeepsTheOrderOfKeysWhereAsked) {
  constexpr const char* kText = R"({"b":[1,-2,2.5,{"z":null,"a":true}],"":"\u00e9","a":{},"c":[[]]})";
  EXPECT_EQ(parse_json(kText, "f.json"), Json::parse(kText));
  EXPECT_EQ(parse_json(kText, "f.json").dump(), Json::parse(kText).dump());
  EXPECT_EQ(parse_json("17", "f.json"), Json(17));
}

TEST(StrictJson, RefusesANumberBeyondEveryDouble) {
  EXPECT_THAT(complaint("[1e999]"), HasSubstr("f.json: not valid JSON: number overflow parsing '1e999'"));
}

TEST(StrictJson, AllowsTheSameKeyInDifferentObjects) { EXPECT_EQ(complaint(R"({"a":{"k":1},"b":{"k":1}})"), ""); }

TEST(StrictJson, RefusesAKeyTwiceAtAnyLevel) {
  EXPECT_THAT(complaint(R"({"a":1,"b":2,"a":1})"), HasSubstr("f.json: key \"a\" appears twice"));
  EXPECT_THAT(complaint(R"({"x":{"a":1,"a":2}})"), HasSubstr("key \"a\" appears twice"));
  EXPECT_THAT(complaint(R"({"a":1,"\u0061":2})"), HasSubstr("key \"a\" appears twice"));
}

TEST(StrictJson, RefusesAZeroByteThatThePlainParserTakesForTheEnd) {
  const std::string_view text("{}\0rest", 7);
  EXPECT_EQ(SortedJson::parse(text), SortedJson::object());  // the reason for the check
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
  EXPECT_EQ(parse_json(text + "}", "f.json", 3).size(), 100'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

}  // namespace
}  // namespace uncurl
