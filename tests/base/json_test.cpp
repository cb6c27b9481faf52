#include "uncurl/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

TEST(Json, NamesTheFileThatIsNotJson) {
  const TemporaryFolder folder;
  write_text(folder / "config.json", "{\"a\": }");
  EXPECT_THAT(error_of([&] { read_json(folder / "config.json"); }),
              AllOf(HasSubstr((folder / "config.json").string()), HasSubstr("not valid JSON")));
}

TEST(Json, KeepsTheOrderOfKeysAndEveryBitOfADouble) {
  const TemporaryFolder folder;
  const Json json = {{"z", 0.1}, {"a", 1e300}, {"m", 2.0 / 3.0}};
  write_json(folder / "a.json", json);
  const Json found = read_json(folder / "a.json");
  EXPECT_EQ(found.dump(), json.dump());
  EXPECT_EQ(found["m"].get<double>(), 2.0 / 3.0);
  EXPECT_EQ(found.begin().key(), "z");
}

TEST(Json, WritesTextThatEndsInANewline) {
  const TemporaryFolder folder;
  write_json(folder / "a.json", {{"a", 1}});
  EXPECT_EQ(read_text(folder / "a.json"), "{\n  \"a\": 1\n}\n");
}

TEST(JsonObject, RefusesWhatIsNoObject) {
  const Json list = Json::array({1});
  EXPECT_EQ(error_of([&] { const JsonObject object(list, "plan.json"); }),
            "plan.json: expected a JSON object, found array");
}

TEST(JsonObject, NamesPlaceAndKeyThatIsMissing) {
  const Json json = {{"present", nullptr}};
  const JsonObject object(json, "config.json");
  EXPECT_EQ(error_of([&] { object.integer("num_experts"); }),
            "config.json: key 'num_experts' is missing (expected an integer)");
  EXPECT_EQ(error_of([&] { object.string("present"); }), "config.json: key 'present' is missing (expected a string)");
}

TEST(JsonObject, NamesPlaceKeyAndValueOfTheWrongType) {
  const Json json = {{"a", "four"}, {"b", 4.5}, {"c", 1}};
  const JsonObject object(json, "config.json");
  EXPECT_EQ(error_of([&] { object.number("a"); }), "config.json: key 'a' should be a number, found \"four\"");
  EXPECT_EQ(error_of([&] { object.integer("b"); }), "config.json: key 'b' should be an integer, found 4.5");
  EXPECT_EQ(error_of([&] { object.boolean("c"); }), "config.json: key 'c' should be true or false, found 1");
  EXPECT_EQ(error_of([&] { object.array("c"); }), "config.json: key 'c' should be an array, found 1");
}

TEST(JsonObject, NamesTheWayToANestedKey) {
  const Json json = {{"rope", {{"theta", "x"}}}};
  const JsonObject object(json, "config.json");
  EXPECT_THAT(error_of([&] { object.object("rope").number("theta"); }),
              AllOf(HasSubstr("config.json"), HasSubstr("'rope'"), HasSubstr("'theta'")));
}

TEST(JsonObject, TakesTheFallbackForAbsentAndNullKeysOnly) {
  const Json json = {{"null", nullptr}, {"present", 3}, {"wrong", "text"}};
  const JsonObject object(json, "place");
  EXPECT_EQ(object.integer("absent", 7), 7);
  EXPECT_EQ(object.integer("null", 7), 7);
  EXPECT_EQ(object.integer("present", 7), 3);
  EXPECT_THAT(error_of([&] { object.integer("wrong", 7); }), HasSubstr("'wrong'"));
}

TEST(JsonObject, RefusesAnIntegerThatDoesNotFit) {
  const Json json = Json::parse(R"({"size": 18446744073709551615})");
  EXPECT_THAT(error_of([&] { JsonObject(json, "place").integer("size"); }), HasSubstr("18446744073709551615"));
}

TEST(JsonObject, ExpectOnlyNamesTheUnknownKeyAndTheKnownOnes) {
  const Json json = {{"seed", 1}, {"sede", 2}};
  const JsonObject object(json, "task.json");
  EXPECT_NO_THROW(object.expect_only({"seed", "sede", "other"}));
  EXPECT_EQ(error_of([&] {
              object.expect_only({"seed", "other"});
            }),
            "task.json: unknown key 'sede'; did you mean 'seed'? Known keys are seed, other");
}

TEST(JsonText, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(json_text(Json{{"path", "a\xff"}}), "{\"path\":\"a\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace uncurl
