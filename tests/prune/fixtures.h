// What the tests of this folder share: experts and statistics made by hand, and rows of random tokens.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/expect_near.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/base/random.h"
#include "uncurl/kernels/expert.h"
#include "uncurl/model/model.h"
#include "uncurl/prune/method.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"
#include "uncurl/text/sample.h"

namespace uncurl::prune {

using test::error_of;
using test::expect_near;
using test::identical;
using test::random_tensor;
using testing::ElementsAre;
using testing::HasSubstr;

inline Tensor doubles(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

inline Tensor matrix(std::int64_t rows, std::int64_t columns, const std::vector<double>& values,
                     at::ScalarType dtype = at::kFloat) {
  return doubles(values).view({rows, columns}).to(dtype);
}

inline Expert random_expert(std::int64_t width, std::int64_t hidden, std::uint64_t seed) {
  return {random_tensor({width, hidden}, 3 * seed), random_tensor({width, hidden}, 3 * seed + 1),
          random_tensor({hidden, width}, 3 * seed + 2)};
}

inline std::vector<int> shuffled(int n, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<int> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[rng.below(i)]);
  return order;
}

/// Neuron a becomes the old neuron order[a]: written out by loops, beside the library's own.
inline Expert reordered(const Expert& expert, const std::vector<int>& order) {
  Expert result{expert.gate.clone(), expert.up.clone(), expert.down.clone()};
  for (std::size_t a = 0; a < order.size(); ++a) {
    const auto to = static_cast<std::int64_t>(a);
    result.gate[to].copy_(expert.gate[order[a]]);
    result.up[to].copy_(expert.up[order[a]]);
    result.down.select(1, to).copy_(expert.down.select(1, order[a]));
  }
  return result;
}

/// down (silu(gate x) * (up x)) in fp64.
inline Tensor output_of(const Expert& expert, const Tensor& x_ND) {
  const Tensor x = x_ND.to(at::kDouble);
  const Tensor hidden = at::silu(x.mm(expert.gate.to(at::kDouble).t())) * x.mm(expert.up.to(at::kDouble).t());
  return hidden.mm(expert.down.to(at::kDouble).t());
}

inline void expect_same_expert(const Expert& found, const Expert& expected) {
  EXPECT_TRUE(identical(found.gate, expected.gate));
  EXPECT_TRUE(identical(found.up, expected.up));
  EXPECT_TRUE(identical(found.down, expected.down));
}

inline void expect_near_expert(const Expert& found, const Expert& expected, double tolerance) {
  expect_near(found.gate, expected.gate, tolerance);
  expect_near(found.up, expected.up, tolerance);
  expect_near(found.down, expected.down, tolerance);
}

/// libtorch's number of threads for one scope.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

/// A layer whose observed tokens had these logits and chose each expert so often; every other sum is zero.
inline LayerSummary summary_of(const Tensor& logits_NE, const std::vector<double>& counts, std::int64_t layer = 0) {
  const Tensor logits = logits_NE.to(at::kDouble);
  LayerSummary summary{.layer = layer,
                       .sums = zero_sums(logits.size(1)),
                       .sample_logits = logits.to(at::kFloat),
                       .sample_weights = at::ones({logits.size(0)}, at::kDouble)};
  summary.sums.gram = logits.t().mm(logits);
  summary.sums.logit_sum = logits.sum(0);
  summary.sums.num_tokens = static_cast<double>(logits.size(0));
  summary.sums.count = doubles(counts);
  return summary;
}

/// Logits of 40 tokens, unlike for all experts.
inline LayerSummary summary_of_counts(const std::vector<double>& counts, std::int64_t layer = 0) {
  return summary_of(random_tensor({40, static_cast<std::int64_t>(counts.size())}, 7), counts, layer);
}

/// The same with inputs [40,16] of the MoE block, for layers of TinyOlmoe.
inline LayerSummary with_inputs(LayerSummary summary) {
  summary.sample_inputs = random_tensor({40, 16}, 8);
  return summary;
}

inline ExpertGroup merged_group(std::vector<int> members, int anchor, std::vector<double> weights) {
  return {.members = std::move(members), .anchor = anchor, .weights = std::move(weights)};
}

inline std::vector<std::vector<int>> members_of(const Groups& groups) {
  std::vector<std::vector<int>> members;
  for (const ExpertGroup& group : groups) members.push_back(group.members);
  return members;
}

inline std::vector<int> anchors_of(const Groups& groups) {
  std::vector<int> anchors;
  for (const ExpertGroup& group : groups) anchors.push_back(group.anchor);
  return anchors;
}

/// Rows of 5 to 12 random tokens.
inline std::vector<text::TokenRow> random_rows(int count, std::uint64_t seed, std::uint64_t vocab_size = 32) {
  Rng rng(seed);
  std::vector<text::TokenRow> rows(static_cast<std::size_t>(count));
  for (text::TokenRow& row : rows) {
    row.ids.resize(5 + rng.below(8));
    for (std::int32_t& id : row.ids) id = static_cast<std::int32_t>(rng.below(vocab_size));
  }
  return rows;
}

inline text::SampledSource random_source(const std::string& name, int num_rows, int num_held_out, std::uint64_t seed) {
  return {.name = name,
          .content_hash = "hash of " + name,
          .observed = random_rows(num_rows, seed),
          .held_out = random_rows(num_held_out, seed + 1000),
          .num_records = num_rows + num_held_out};
}

/// A model of two MoE layers with `num_experts` experts and top-2 routing, for what looks at the config alone.
inline model::ModelConfig two_layer_config(std::int64_t num_experts) {
  model::ModelConfig config;
  config.model_type = "olmoe";
  config.num_experts = num_experts;
  config.routing.top_k = 2;
  config.layers = {{.num_experts = num_experts}, {.num_experts = num_experts}};
  return config;
}

/// The same two layers with weights, on disk.
struct TinyOlmoe {
  explicit TinyOlmoe(std::int64_t num_experts) : model(opened(folder / "model", num_experts)) {}

  static model::Model opened(const std::filesystem::path& place, std::int64_t num_experts) {
    test::write_tiny_checkpoint(place, {.family = "olmoe", .num_experts = num_experts});
    return model::open_model(place);
  }

  test::TemporaryFolder folder;
  model::Model model;
};

/// For methods that look at no weights.
inline const model::Model& any_model() {
  static const TinyOlmoe tiny(4);
  return tiny.model;
}

inline const Listener& silent() {
  static const Listener listener;
  return listener;
}

}  // namespace uncurl::prune
