#include "uncurl/report/trained_file.h"

#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "uncurl/report/page.h"

namespace uncurl::report {
namespace {

using testing::HasSubstr;
using testing::Not;
using uncurl::test::error_of;

Json model(const char* name, int experts) { return {{"model", name}, {"experts", experts}}; }

Json with_fields(Json entry, const Json& fields) {
  entry.update(fields);
  return entry;
}

/// A dense and a sparse model, and one that was pruned.
Json small_study() {
  const Json pruned = with_fields(model("uncurl 4 to 2", 2), {{"pruned_from", 4}, {"method", "uncurl"}, {"task", "t"}});
  const Json estimate = {{"value", 0.6}, {"low", 0.5}, {"high", 0.7}, {"n", 40}};
  const Json above = {{"value", 0.6}, {"low", 0.56}, {"high", 0.64}, {"n", 40}};
  const Json sizes = {{"parameters", 1000}, {"active_parameters", 500}, {"loss", 3.5}};
  Json file = {{"kind", "study"}, {"version", 1},   {"name", "small"},     {"stages", 9},           {"stages_done", 9},
               {"seeds", 2},      {"detect", 0.02}, {"pretrain_seeds", 1}, {"pretrain_tokens", 100}};
  file["tasks"] = Json::array({{{"task", "t"}, {"majority", 0.55}}});
  const Json curves = Json::array({Json::array({{{"tokens", 100}, {"loss", 3.5}}})});
  file["pretrained"] = Json::array({with_fields(model("dense", 0), with_fields(sizes, {{"curves", curves}})),
                                    with_fields(model("4e", 4), with_fields(sizes, {{"curves", curves}}))});
  file["pruning"] = Json::array({with_fields(pruned, {{"kl_by_seed", {0.1, 0.3}}})});
  file["scores"] =
      Json::array({with_fields(with_fields(model("dense", 0), {{"task", "t"}, {"by_seed", {0.6, 0.6}}}), above),
                   with_fields(with_fields(pruned, {{"by_seed", {0.5, 0.7}}}), estimate)});
  file["differences"] = Json::array(
      {with_fields(with_fields(pruned, {{"other", "2e"}, {"against", "scratch"}, {"detectable", 0.031}}), estimate)});
  file["use"] = Json::array(
      {with_fields(model("4e", 4), {{"task", "t"}, {"layers", {0}}, {"shares", Json::array({{0.4, 0.3, 0.3, 0.0}})}})});
  file["embeddings"] = Json::array({with_fields(
      pruned,
      {{"layers",
        Json::array({{{"layer", 0}, {"x", {0, 1}}, {"y", {1, 0}}, {"group", {0, -1}}, {"share", {0.5, 0.5}}}})}})});
  return file;
}

Study study_of(const Json& file) { return read_trained(JsonObject(file, "study.json")); }

TEST(ReadTrained, KeepsEveryPart) {
  const Json file = small_study();
  const Study study = study_of(file);
  ASSERT_TRUE(study.trained.has_value());
  const TrainedModels& trained = *study.trained;
  EXPECT_EQ(study.model.name, "Study small");
  EXPECT_EQ(trained.pretrained[1].model.experts, 4);
  EXPECT_EQ(trained.pretrained[1].curves[0][0].tokens, 100);
  EXPECT_FALSE(trained.pretrained[1].dense_equivalent);
  EXPECT_EQ(trained.pruning[0].kl_by_seed, (std::vector<double>{0.1, 0.3}));
  EXPECT_EQ(trained.scores[1].model.pruned_from, 4);
  EXPECT_EQ(trained.scores[1].accuracy.low, 0.5);
  EXPECT_EQ(trained.differences[0].detectable, 0.031);
  EXPECT_FALSE(trained.differences[0].seeds_needed);
  EXPECT_EQ(trained.use[0].shares[0][3], 0.0);
  EXPECT_EQ(trained.embeddings[0].layers[0].group[1], -1);
}

TEST(ReadTrained, NamesWhatIsMissingOrOfAnotherLength) {
  Json file = small_study();
  file["scores"][1].erase("by_seed");
  EXPECT_THAT(error_of([&] { study_of(file); }), HasSubstr("'scores'[1]: key 'by_seed' is missing"));
  file = small_study();
  file["use"][0]["layers"] = {0, 2};
  EXPECT_THAT(error_of([&] { study_of(file); }), HasSubstr("layers and shares are not as many"));
  file = small_study();
  file["embeddings"][0]["layers"][0]["x"] = {0};
  EXPECT_THAT(error_of([&] { study_of(file); }), HasSubstr("not as many"));
  file["version"] = 2;
  EXPECT_THAT(error_of([&] { study_of(file); }), HasSubstr("version is 2"));
}

TEST(TrainedPage, TellsWhatTheNumbersSay) {
  const std::string text = page({study_of(small_study())});
  EXPECT_THAT(text, HasSubstr("1 of 2 scores lie above that of the commonest answer"));  // 0.5 is not above 0.55
  EXPECT_THAT(text, HasSubstr("the pruned one is better in 1, worse in 0, and not told apart in 0."));
  EXPECT_THAT(text, HasSubstr("too few rows"));
  EXPECT_THAT(text, HasSubstr("0.2000"));  // mean KL of the seeds
}

TEST(TrainedPage, LeavesOutWhatIsNotFinished) {
  Json file = small_study();
  for (const char* const key : {"pruning", "scores", "differences", "use", "embeddings"}) file[key] = Json::array();
  const std::string text = page({study_of(file)});
  EXPECT_THAT(text, HasSubstr("id=\"pretraining\""));
  EXPECT_THAT(text, Not(HasSubstr("id=\"accuracy\"")));
  EXPECT_THAT(text, Not(HasSubstr("id=\"differences\"")));
}

}  // namespace
}  // namespace uncurl::report
