#include "uncurl/study/protocol/stages.h"

#include <gmock/gmock.h>

#include <set>

#include "tests/study/protocol/tiny_study.h"

namespace uncurl::study {
namespace {

using test::TinyStudy;

std::vector<Stage> stages_of(const TinyStudy& study) {
  DataHashes hashes;
  return study::stages_of(study.config(), hashes);
}

std::int64_t count(const std::vector<Stage>& stages, StageKind kind) {
  return std::count_if(stages.begin(), stages.end(), [&](const Stage& stage) { return stage.kind == kind; });
}

std::set<std::string> keys(const std::vector<Stage>& stages, StageKind kind) {
  std::set<std::string> found;
  for (const Stage& stage : stages) {
    if (stage.kind == kind) found.insert(stage.key);
  }
  return found;
}

// Three models; one reduction by two methods; two seeds of everything but pretraining and observing.
TEST(Stages, AreThoseOfTheProtocol) {
  const std::vector<Stage> stages = stages_of(TinyStudy());
  EXPECT_EQ(count(stages, StageKind::kPretrain), 3);
  EXPECT_EQ(count(stages, StageKind::kObserve), 1);
  EXPECT_EQ(count(stages, StageKind::kPrune), 2 * 2);
  EXPECT_EQ(count(stages, StageKind::kWarmup), 2 * 2);
  EXPECT_EQ(count(stages, StageKind::kPrefinetune), 2 * (3 + 2));
  EXPECT_EQ(count(stages, StageKind::kFinetune), 2 * (3 + 2));
  EXPECT_EQ(count(stages, StageKind::kEvaluate), 2 * (3 + 2));
}

TEST(Stages, StandBehindWhatTheyDependOn) {
  const std::vector<Stage> stages = stages_of(TinyStudy());
  for (std::size_t s = 0; s < stages.size(); ++s) {
    EXPECT_LT(stages[s].model.value_or(0), s == 0 ? 1 : s);
    EXPECT_LT(stages[s].statistics.value_or(0), s == 0 ? 1 : s);
  }
}

TEST(Stages, PrunedModelsAreWarmedUpWhereTheConfigSays) {
  TinyStudy study;
  const auto starts_from = [&](StageKind kind) {
    const std::vector<Stage> stages = stages_of(study);
    std::set<StageKind> found;
    for (const Stage& stage : stages) {
      if (stage.kind == kind && stage.variant.pruned_from > 0) found.insert(stages[*stage.model].kind);
    }
    return found;
  };
  EXPECT_EQ(starts_from(StageKind::kWarmup), std::set{StageKind::kPrune});
  EXPECT_EQ(starts_from(StageKind::kPrefinetune), std::set{StageKind::kWarmup});
  EXPECT_EQ(starts_from(StageKind::kFinetune), std::set{StageKind::kPrefinetune});
  study.json["warmup_place"] = "after-prefinetune";
  EXPECT_EQ(starts_from(StageKind::kWarmup), std::set{StageKind::kPrefinetune});
  EXPECT_EQ(starts_from(StageKind::kPrefinetune), std::set{StageKind::kPrune});
  EXPECT_EQ(starts_from(StageKind::kFinetune), std::set{StageKind::kWarmup});
  study.json.erase("warmup_place");
  study.json.erase("warmup");
  study.json.erase("prefinetune");
  EXPECT_EQ(starts_from(StageKind::kFinetune), std::set{StageKind::kPrune});
}

TEST(Stages, ModelsFromScratchArePrefinetunedOnceForAllTasks) {
  TinyStudy study;
  Json other = read_json(study.folder / "task.json");
  other["name"] = "other";
  other["prompt"] = "{text}?";
  write_json(study.folder / "other.json", other);
  study.json["tasks"] = {"task.json", "other.json"};
  const std::vector<Stage> stages = stages_of(study);
  EXPECT_EQ(count(stages, StageKind::kPrefinetune), 2 * (3 + 2 * 2));
  EXPECT_EQ(count(stages, StageKind::kFinetune), 2 * 2 * (3 + 2));
}

TEST(Stages, ChangeWithWhatTheyDependOnAlone) {
  TinyStudy study;
  const std::vector<Stage> before = stages_of(study);
  study.json["finetune"]["epochs"] = 2;
  std::vector<Stage> after = stages_of(study);
  EXPECT_EQ(keys(before, StageKind::kPrefinetune), keys(after, StageKind::kPrefinetune));
  EXPECT_NE(keys(before, StageKind::kFinetune), keys(after, StageKind::kFinetune));
  write_text(study.folder / "rows.jsonl", "{\"text\": \"d\", \"label\": 1}\n");
  after = stages_of(study);
  EXPECT_EQ(keys(before, StageKind::kPretrain), keys(after, StageKind::kPretrain));
  EXPECT_NE(keys(before, StageKind::kObserve), keys(after, StageKind::kObserve));
  write_text(study.folder / "pretrain.jsonl", "{\"text\": \"seven\"}\n");
  EXPECT_NE(keys(before, StageKind::kPretrain), keys(stages_of(study), StageKind::kPretrain));
}

TEST(Stages, DoNotDependOnWhereFilesLie) {
  const TinyStudy here, there;
  std::vector<std::string> a, b;
  for (const Stage& stage : stages_of(here)) a.push_back(stage.key);
  for (const Stage& stage : stages_of(there)) b.push_back(stage.key);
  EXPECT_EQ(a, b);
}

TEST(Stages, SeedsShareAPretrainingWhereThereAreFewerOfThem) {
  TinyStudy study;
  study.json["seeds"] = 3;
  study.json["pretrain_seeds"] = 2;
  for (const std::vector<Stage> stages = stages_of(study); const Stage& stage : stages) {
    if (stage.kind == StageKind::kPrefinetune && stage.variant.pruned_from == 0) {
      EXPECT_EQ(stages[*stage.model].seed, stage.seed % 2);
    }
  }
}

}  // namespace
}  // namespace uncurl::study
