#include "uncurl/train/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace uncurl::train {
namespace {

using test::error_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Json small() {
  return Json::parse(R"({
    "model": {"checkpoint": "models/tiny"},
    "output": "out",
    "data": [{"path": "a.txt"}],
    "steps": 10
  })");
}

TrainConfig read(const Json& json) { return read_train_config(json, "train.json", "/base"); }

std::string refusal(const char* patch) {
  Json json = small();
  json.merge_patch(Json::parse(patch));
  return error_of([&] { read(json); });
}

TEST(TrainConfig, PutsPathsBesideTheFileAndLeavesNamesOfTasks) {
  Json json = small();
  json["data"].push_back({{"path", "boolq"}, {"kind", "instruct"}});
  json["data"].push_back({{"path", "/data/b.jsonl"}});
  const TrainConfig config = read(json);
  EXPECT_EQ(config.model.checkpoint, "/base/models/tiny");
  EXPECT_EQ(config.output, "/base/out");
  EXPECT_EQ(config.data[0].path, "/base/a.txt");
  EXPECT_EQ(config.data[1].path, "boolq");
  EXPECT_EQ(config.data[2].path, "/data/b.jsonl");
}

// Sarkar et al. 2024, section 5 and Table 7.
TEST(TrainConfig, HasThePapersDefaults) {
  const TrainConfig config = read(small());
  EXPECT_EQ(config.sequence_length, 1024);
  EXPECT_EQ(config.batch.rows, 512);
  EXPECT_EQ(config.optimizer.learning_rate, 5e-5);
  EXPECT_EQ(config.optimizer.beta1, 0.9);
  EXPECT_EQ(config.optimizer.beta2, 0.95);
  EXPECT_EQ(config.optimizer.epsilon, 1e-8);
  EXPECT_EQ(config.optimizer.weight_decay, 0.1);
  EXPECT_EQ(config.optimizer.clip, 1.0);
  EXPECT_EQ(config.aux_coefficient, 0.01);
}

TEST(TrainConfig, ReadsEveryKeyAndWritesItBack) {
  const Json json = Json::parse(R"({
    "model": {"config": {"model_type": "qwen3_moe"}, "tokenizer": "/tokenizer"},
    "output": "/out",
    "data": [{"path": "/a.jsonl", "kind": "pretrain", "weight": 2.0, "template": "{a}", "split": "train"},
             {"path": "boolq", "kind": "instruct", "weight": 1.0, "split": "dev"}],
    "tokens": 1000,
    "sequence_length": 64,
    "batch": {"tokens": 4096},
    "micro_batch": {"rows": 2},
    "optimizer": {"learning_rate": 0.001, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6, "weight_decay": 0.2,
                  "decay_embeddings": false, "clip": 0.5},
    "schedule": {"decay": "cosine", "floor": 0.1, "warmup_steps": 7},
    "dtype": "bf16",
    "device": "cuda:1",
    "recompute": true,
    "aux_coefficient": 0.02,
    "train": ["routers"],
    "freeze": ["*.0.*"],
    "validation": {"data": [{"path": "/v.txt", "kind": "pretrain", "split": "train"}], "share": 0.0, "every_steps": 5,
                   "max_tokens": 100},
    "save": {"every_steps": 3, "every_minutes": 1.0, "dtype": "bf16"},
    "lora": {"rank": 4, "alpha": 8.0, "targets": ["attention"]},
    "teacher": {"checkpoint": "/teacher", "weight": 0.5, "temperature": 2.0},
    "seed": 3
  })");
  EXPECT_EQ(to_json(read(json)), json);
}

TEST(TrainConfig, AnswersAnUnknownKeyWithTheNearest) {
  EXPECT_THAT(refusal(R"({"sequence_lenght": 5})"), HasSubstr("unknown key 'sequence_lenght'; did you mean "
                                                              "'sequence_length'?"));
  EXPECT_THAT(refusal(R"({"optimizer": {"lr": 1}})"), AllOf(HasSubstr("'optimizer'"), HasSubstr("learning_rate")));
}

TEST(TrainConfig, RefusesWhatContradictsItself) {
  EXPECT_THAT(refusal(R"({"tokens": 5})"), HasSubstr("exactly one of 'steps', 'tokens' and 'epochs'"));
  EXPECT_THAT(refusal(R"({"steps": null})"), HasSubstr("found 0"));
  EXPECT_THAT(refusal(R"({"model": {"config": {}}})"), HasSubstr("model: expected"));
  EXPECT_THAT(refusal(R"({"model": {"tokenizer": "t"}})"), HasSubstr("has no effect with 'checkpoint'"));
  EXPECT_THAT(refusal(R"({"batch": {"rows": 2, "tokens": 2}})"), HasSubstr("batch"));
  EXPECT_THAT(refusal(R"({"data": []})"), HasSubstr("no source"));
  EXPECT_THAT(refusal(R"({"data": [{"path": "a.txt", "weight": 1}, {"path": "b.txt"}]})"),
              HasSubstr("1 sources have no weight"));
  EXPECT_THAT(refusal(R"({"data": [{"path": "a.jsonl", "kind": "instruct", "template": "{a}"}]})"),
              HasSubstr("'prompt' and 'completion'"));
  EXPECT_THAT(refusal(R"({"schedule": {"decay": "constant", "floor": 0.1}})"), HasSubstr("no effect"));
  EXPECT_THAT(refusal(R"({"schedule": {"decay": "square"}})"), HasSubstr("constant, linear, cosine"));
  EXPECT_THAT(refusal(R"({"validation": {"every_steps": 3}})"), HasSubstr("nothing to measure"));
  EXPECT_THAT(refusal(R"({"save": {"every_minutes": 0}})"), HasSubstr("lose everything"));
  EXPECT_THAT(refusal(R"({"save": {"dtype": "f16"}})"), HasSubstr("stored, f32 or bf16"));
  EXPECT_THAT(refusal(R"({"teacher": {"checkpoint": "t", "weight": 2}})"), HasSubstr("teacher.weight is 2"));
  EXPECT_THAT(refusal(R"({"lora": {"rank": 0}})"), HasSubstr("rank is 0"));
  EXPECT_THAT(refusal(R"({"train": []})"), HasSubstr("trains nothing"));
}

TEST(TrainConfig, NamesTheFileOfWhatItRefuses) {
  EXPECT_THAT(refusal(R"({"optimizer": {"learning_rate": 0}})"), testing::StartsWith("train.json: optimizer."));
}

}  // namespace
}  // namespace uncurl::train
