#include "uncurl/text/template.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::HasSubstr;

const Row kRow{Json::parse(R"({"q": "Why?", "n": 3, "x": 0.5, "yes": true, "none": null, "list": ["a", "b"],
                               "deep": {"er": {"est": "z"}}, "a.b": "flat"})"),
               "train.jsonl:17"};

std::string render(const std::string& text) { return Template(text, "task.json").render(kRow); }

TEST(Template, PutsFieldsIntoText) { EXPECT_EQ(render("Q: {q}\nA:"), "Q: Why?\nA:"); }

TEST(Template, WritesNumbersAndBooleansAsJsonDoes) { EXPECT_EQ(render("{n} {x} {yes}"), "3 0.5 true"); }

TEST(Template, ReachesIntoObjectsAndArrays) { EXPECT_EQ(render("{deep.er.est} {list.1}"), "z b"); }

TEST(Template, PrefersAFieldOfTheWholeName) { EXPECT_EQ(render("{a.b}"), "flat"); }

TEST(Template, WritesDoubledBracesOnce) { EXPECT_EQ(render("{{{q}}} {{}}"), "{Why?} {}"); }

TEST(Template, NamesTheMissingFieldAndThoseThereAre) {
  EXPECT_THAT(error_of([] { render("{answer}"); }),
              HasSubstr("train.jsonl:17: no field 'answer'; the row has q, n, x"));
  EXPECT_THAT(error_of([] { render("{list.2}"); }), HasSubstr("no field 'list.2'"));
  EXPECT_THAT(error_of([] { render("{q.0}"); }), HasSubstr("no field 'q.0'"));
}

TEST(Template, RefusesWhatIsNoSingleValue) {
  EXPECT_THAT(error_of([] { render("{list}"); }), HasSubstr("train.jsonl:17: field 'list' is not a single value"));
  EXPECT_THAT(error_of([] { render("{none}"); }), HasSubstr("null"));
}

TEST(Template, RefusesBracesThatDoNotPair) {
  EXPECT_THAT(error_of([] { render("a {q"); }), HasSubstr("task.json: '{' without"));
  EXPECT_THAT(error_of([] { render("a } b"); }), HasSubstr("'}' without '{'"));
  EXPECT_THAT(error_of([] { render("{}"); }), HasSubstr("without a field name"));
}

TEST(Unescape, ReadsWhatAPersonTypes) { EXPECT_EQ(unescape(R"(a\nb\tc\\n)"), "a\nb\tc\\n"); }

TEST(Unescape, RefusesOtherBackslashes) {
  EXPECT_THAT(error_of([] { unescape(R"(a\x)"); }), HasSubstr("backslash"));
  EXPECT_THAT(error_of([] { unescape("a\\"); }), HasSubstr("backslash"));
}

}  // namespace
}  // namespace uncurl::text
