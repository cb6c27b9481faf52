#include "uncurl/study/protocol/config.h"

#include <gmock/gmock.h>

#include "tests/study/protocol/tiny_study.h"
#include "tests/support/error_of.h"

namespace uncurl::study {
namespace {

using test::TinyStudy;
using testing::HasSubstr;
using uncurl::test::error_of;

std::string error_with(const std::function<void(Json&)>& change) {
  TinyStudy study;
  change(study.json);
  return error_of([&] { study.config(); });
}

TEST(StudyConfig, FillsInWhatStagesHaveInCommon) {
  TinyStudy study;
  const StudyConfig config = study.config();
  EXPECT_EQ(config.name, "tiny");
  EXPECT_EQ(config.experts, (std::vector<std::int64_t>{0, 2, 4}));
  EXPECT_EQ(config.reductions.size(), 1u);
  EXPECT_EQ(config.pretrain.budget.tokens, 512);
  EXPECT_EQ(config.warmup->train, std::vector<std::string>{"routers"});
  EXPECT_EQ(config.output, study.folder / "out");
}

TEST(StudyConfig, GivesEachModelItsNumberOfExperts) {
  const StudyConfig config = TinyStudy().config();
  EXPECT_EQ(model_config(config, Json(), 4).at("num_experts"), 4);
  EXPECT_EQ(model_config(config, Json(), 4).at("num_experts_per_tok"), 1);
  EXPECT_EQ(model_config(config, Json(), 0).at("num_experts"), 0);
  EXPECT_EQ(model_config(config, {{"hidden_size", 8}}, 0).at("hidden_size"), 8);
}

TEST(StudyConfig, NamesWhatDoesNotFit) {
  EXPECT_THAT(error_with([](Json& json) { json["reductons"] = 1; }), HasSubstr("did you mean 'reductions'"));
  EXPECT_THAT(error_with([](Json& json) { json["experts"] = {4, 2}; }), HasSubstr("'experts' should ascend"));
  EXPECT_THAT(error_with([](Json& json) { json["reductions"][0]["from"] = 8; }), HasSubstr("no model of so many"));
  EXPECT_THAT(error_with([](Json& json) { json["reductions"][0]["to"] = {4}; }), HasSubstr("expected fewer than 4"));
  EXPECT_THAT(error_with([](Json& json) { json["methods"] = {"uncrul"}; }), HasSubstr("uncurl"));
  EXPECT_THAT(error_with([](Json& json) { json["finetune"]["data"] = Json::array(); }), HasSubstr("it is the task's"));
  EXPECT_THAT(error_with([](Json& json) { json["pretrain"].erase("data"); }), HasSubstr("'data' is missing"));
  EXPECT_THAT(error_with([](Json& json) { json["pretrain"]["seed"] = 1; }), HasSubstr("not for a stage of a study"));
  EXPECT_THAT(error_with([](Json& json) { json["pretrain_seeds"] = 3; }), HasSubstr("1 <= pretrain_seeds <= seeds"));
  EXPECT_THAT(error_with([](Json& json) { json["seeds"] = 1'000'000'000; }), HasSubstr("seeds <= 1000"));
  EXPECT_THAT(error_with([](Json& json) { json.erase("methods"); }), HasSubstr("without each other"));
  EXPECT_THAT(error_with([](Json& json) { json["warmup_place"] = "last"; }), HasSubstr("after-prefinetune"));
}

TEST(StudyConfig, WantsTasksThatCanBeTrainedOnAndEvaluated) {
  EXPECT_THAT(error_with([](Json& json) { json["tasks"] = {"pretrain.jsonl"}; }), HasSubstr("plain text"));
}

}  // namespace
}  // namespace uncurl::study
