// A study so small that its stages could be run in a second, in a folder of its own, for tests to begin with and break.
#pragma once

#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"
#include "uncurl/base/json.h"
#include "uncurl/study/protocol/config.h"

namespace uncurl::study::test {

struct TinyStudy {
  uncurl::test::TemporaryFolder folder;
  Json json;

  TinyStudy() {
    write_text(folder / "pretrain.jsonl", "{\"text\": \"one two three\"}\n{\"text\": \"four five six\"}\n");
    write_text(folder / "rows.jsonl", "{\"text\": \"a\", \"label\": 0}\n{\"text\": \"b\", \"label\": 1}\n");
    write_text(folder / "other.jsonl", "{\"text\": \"c\", \"label\": 0}\n");
    write_json(folder / "task.json", {{"name", "task"},
                                      {"description", "x"},
                                      {"source", "x"},
                                      {"licence", "x"},
                                      {"metric", "accuracy"},
                                      {"rows", {{"train", "rows.jsonl"}, {"validation", "other.jsonl"}}},
                                      {"prompt", "{text}"},
                                      {"choices", {" no", " yes"}},
                                      {"label", {{"field", "label"}}}});
    std::filesystem::create_directories(folder / "tokenizer");
    write_text(folder / "tokenizer" / "tokenizer.json", "{}");
    const Json run = {{"data", Json::array({{{"path", "pretrain.jsonl"}}})}, {"tokens", 512}, {"sequence_length", 16}};
    json = {{"name", "tiny"},
            {"output", "out"},
            {"tokenizer", "tokenizer"},
            {"model",
             {{"model_type", "smoe_gpt2"},
              {"vocab_size", 16},
              {"n_positions", 16},
              {"hidden_size", 4},
              {"num_hidden_layers", 2},
              {"num_attention_heads", 1},
              {"intermediate_size", 8}}},
            {"experts", {0, 2, 4}},
            {"reductions", Json::array({{{"from", 4}, {"to", {2}}}})},
            {"methods", {"frequency", "uncurl"}},
            {"tasks", {"task.json"}},
            {"seeds", 2},
            {"pretrain", run},
            {"warmup", run},
            {"prefinetune", run},
            {"finetune", {{"epochs", 1}, {"sequence_length", 16}}}};
    json["warmup"]["train"] = {"routers"};
  }

  StudyConfig config() const {
    write_json(folder / "study.json", json);
    return read_study_config(folder / "study.json", {folder.path(), folder.path()}, "");
  }
};

}  // namespace uncurl::study::test
