#include "uncurl/model/block.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "tests/support/expect_near.h"
#include "tests/support/random_experts.h"

namespace uncurl::model {
namespace {

using test::random_experts;
using test::random_tensor;

constexpr std::int64_t kWidth = 16, kInner = 12;

ModelConfig config_with(std::int64_t top_k) {
  ModelConfig config;
  config.hidden_size = kWidth;
  config.routing = {.top_k = top_k, .renormalize = true};
  config.layers = {{}};
  return config;
}

Tensor run(const MoeWeights& weights, const ModelConfig& config, const Tensor& x, MoeObserver* observer = nullptr) {
  const nn::RopeTables unused{};
  return run_moe(x, weights, BlockContext{config, unused}, /*layer=*/0, /*first_token=*/100, observer);
}

struct Recorder : MoeObserver {
  void observe(const MoeCall& call) override {
    ++calls;
    first_token = call.first_token;
    logits = call.logits_NE.clone();
    ids = call.routing.ids_NK.clone();
    gates = call.routing.gates_NK.clone();
    norms = call.norms_NK.clone();
  }
  int calls = 0;
  std::int64_t first_token = 0;
  Tensor logits, ids, gates, norms;
};

TEST(RunMoe, OfIdenticalExpertsIsOneExpertWhateverTheRoutes) {  // renormalised gates add up to one
  MoeWeights weights{.router = random_tensor({5, kWidth}, 1)};
  weights.experts.assign(5, random_experts(1, kInner, kWidth, at::kFloat, 2)[0]);
  const Tensor x = random_tensor({30, kWidth}, 3);
  EXPECT_TRUE(test::near(run(weights, config_with(3), x), test::exact_expert(weights.experts[0], x), 1e-5));
}

// Router rows 0..3 lead to experts 1, 0, 1, 0: the same as four experts of which two pairs are equal.
TEST(RunMoe, ExpertOfRowLeadsRowsToSharedExperts) {
  const std::vector<Expert> two = random_experts(2, kInner, kWidth, at::kFloat, 4);
  const Tensor router = random_tensor({4, kWidth}, 5), x = random_tensor({30, kWidth}, 6);
  const MoeWeights mapped{.router = router, .experts = two, .expert_of_row = at::tensor({1, 0, 1, 0}, at::kLong)};
  const MoeWeights copied{.router = router, .experts = {two[1], two[0], two[1], two[0]}};
  const Tensor expected = run(copied, config_with(2), x);
  EXPECT_TRUE(test::near(run(mapped, config_with(2), x), expected, 1e-5));
}

TEST(RunMoe, ShowsItsObserverLogitsRoutesAndNorms) {
  const MoeWeights weights{.router = random_tensor({4, kWidth}, 7),
                           .experts = random_experts(4, kInner, kWidth, at::kFloat, 8)};
  const Tensor x = random_tensor({9, kWidth}, 9);
  Recorder recorder;
  const Tensor observed = run(weights, config_with(2), x, &recorder);
  EXPECT_EQ(recorder.calls, 1);
  EXPECT_EQ(recorder.first_token, 100);
  EXPECT_TRUE(test::near(recorder.logits, at::mm(x, weights.router.t()), 1e-5));
  const auto first = static_cast<std::size_t>(recorder.ids[4][0].item<std::int64_t>());
  const Tensor output = test::exact_expert(weights.experts[first], x.narrow(0, 4, 1));
  EXPECT_NEAR(recorder.norms[4][0].item<double>(), output.norm().item<double>(), 1e-5);
  EXPECT_TRUE(test::near(recorder.gates.sum(1), at::ones({9}), 1e-5));
  EXPECT_TRUE(test::identical(run(weights, config_with(2), x), observed));  // looking changes nothing
}

/// Serves only the first choice of even tokens.
Tensor serve_first_of_even(const Tensor& ids_NK) {
  Tensor served = at::zeros(ids_NK.sizes(), at::kBool);
  for (std::int64_t n = 0; n < ids_NK.size(0); n += 2) served[n][0].fill_(true);
  return served;
}

// What is not served adds nothing, and observers still see it chosen, with its gate and norm.
TEST(RunMoe, LeavesOutWhatIsNotServed) {
  const MoeWeights weights{.router = random_tensor({4, kWidth}, 15),
                           .experts = random_experts(4, kInner, kWidth, at::kFloat, 16)};
  const Tensor x = random_tensor({9, kWidth}, 17);
  const nn::RopeTables unused{};
  const ModelConfig config = config_with(2);
  const BlockContext context{config, unused};
  Recorder all, some;
  run_moe(x, weights, context, 0, 0, &all);
  const Tensor found = run_moe(x, weights, context, 0, 0, &some, {}, serve_first_of_even);
  EXPECT_TRUE(test::identical(some.gates, all.gates));
  EXPECT_TRUE(test::identical(some.norms, all.norms));
  for (std::int64_t n = 0; n < 9; ++n) {
    const auto first = static_cast<std::size_t>(all.ids[n][0].item<std::int64_t>());
    const Tensor output = all.gates[n][0] * test::exact_expert(weights.experts[first], x.narrow(0, n, 1)).view(-1);
    EXPECT_TRUE(test::near(found[n], n % 2 == 0 ? output : at::zeros_like(output), 1e-5)) << "token " << n;
  }
}

TEST(RunMoe, AddsTheSharedExpertScaledByItsSigmoid) {
  MoeWeights weights{.router = random_tensor({4, kWidth}, 10),
                     .experts = random_experts(4, kInner, kWidth, at::kFloat, 11)};
  const Tensor x = random_tensor({9, kWidth}, 12), routed = run(weights, config_with(2), x);
  weights.shared = random_experts(1, kInner, kWidth, at::kFloat, 13)[0];
  const Tensor shared = test::exact_expert(weights.shared, x);
  EXPECT_TRUE(test::near(run(weights, config_with(2), x), routed + shared, 1e-5));
  weights.shared_router = random_tensor({1, kWidth}, 14);
  const Tensor share = at::sigmoid(at::mm(x, weights.shared_router.t()));
  EXPECT_TRUE(test::near(run(weights, config_with(2), x), routed + share * shared, 1e-5));
}

}  // namespace
}  // namespace uncurl::model
