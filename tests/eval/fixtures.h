// What the tests of this module share: a tiny model in a folder that vanishes, and a tokenizer that can be followed by
// hand: one id a byte, modulo the model's vocabulary.
#pragma once

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/eval/encode.h"
#include "uncurl/model/stream.h"

namespace uncurl::eval {

class LetterTokenizer : public text::Tokenizer {
 public:
  std::vector<std::int32_t> encode(std::string_view text, bool) const override {
    std::vector<std::int32_t> ids;
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c) % 32);
    return ids;
  }
  std::string decode(std::span<const std::int32_t> ids) const override {
    std::string text;
    for (const std::int32_t id : ids) text += static_cast<char>('`' + id % 32);
    return text;
  }
  std::int64_t vocabulary_size() const override { return 32; }
};

struct TinyStream {
  test::TemporaryFolder folder;
  std::optional<model::Model> model;
  std::optional<model::LayerStream> stream;

  explicit TinyStream(const test::TinyModel& tiny = {}) {
    test::write_tiny_checkpoint(folder / "model", tiny);
    model.emplace(model::open_model(folder / "model"));
    stream.emplace(*model, Compute{});
  }

  /// fp64 log-probabilities [T,V] of a row that is run alone.
  Tensor logprobs(const std::vector<std::int32_t>& ids) const {
    const c10::InferenceMode inference;
    const model::PackedRows rows = model::pack_rows({ids});
    Tensor hidden = stream->embed(rows);
    model::sweep_layers_(hidden, rows, *stream, {}, nullptr, {});
    return stream->final_norm(hidden).matmul(stream->head().t()).to(at::kDouble).log_softmax(-1);
  }
};

}  // namespace uncurl::eval
