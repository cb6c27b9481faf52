// What the tests of this module share: a tiny model in a folder that vanishes, and a tokenizer that can be followed by
// hand: one id a byte, modulo the model's vocabulary.
#pragma once

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

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
  std::string decode(std::span<const std::int32_t> ids, bool special_tokens = false) const override {
    std::string text;
    for (const std::int32_t id : ids) {
      if (id != special) {
        text += static_cast<char>('`' + id % 32);
      } else if (special_tokens) {
        text += "<|end|>";
      }
    }
    return text;
  }
  std::int64_t vocabulary_size() const override { return 32; }

  std::int32_t special = -1;  ///< the id of "<|end|>"
};

/// Fills a tensor with numbers so large that every sum of a few products with them is infinite.
inline std::function<void(test::TensorMap&)> overflowing(const std::string& tensor) {
  return [tensor](test::TensorMap& tensors) { tensors.at(tensor) = at::full_like(tensors.at(tensor), 3e38); };
}

struct TinyStream {
  test::TemporaryFolder folder;
  std::optional<model::Model> model;
  std::optional<model::LayerStream> stream;

  /// @param edit  of the tensors that are written
  explicit TinyStream(const test::TinyModel& tiny = {}, const std::function<void(test::TensorMap&)>& edit = {}) {
    test::TensorMap tensors = test::tiny_tensors(tiny);
    if (edit) edit(tensors);
    test::write_checkpoint(folder / "model", test::tiny_config(tiny), tensors);
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
