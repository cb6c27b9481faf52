#include <gmock/gmock.h>

#include <algorithm>

#include "tests/prune/fixtures.h"
#include "uncurl/nn/experts.h"
#include "uncurl/prune/kept_tokens.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

/// A layer of TinyOlmoe with inputs, and weights of tokens that differ.
LayerSummary layer_of(std::int64_t num_experts) {
  LayerSummary layer = with_inputs(summary_of_counts(std::vector<double>(static_cast<std::size_t>(num_experts), 1)));
  layer.sample_weights = random_tensor({40}, 9).abs().to(at::kDouble);
  return layer;
}

std::vector<int> kept_by(const LayerSummary& layer, std::int64_t count, const model::Model& model,
                         const MethodOptions& options = {}) {
  return anchors_of(plan_naee({{layer}, count, options, 0, model, silent()}).front());
}

/// |y - y_C|^2 from the outputs themselves: the layer is run, with the logits of the others at minus infinity.
double error_by_running(const LayerSummary& layer, const std::vector<int>& kept, const model::Model& model) {
  const std::vector<Expert> experts = model::stored_experts(model, 0);
  const auto run = [&](const Tensor& logits) {
    const nn::Routing routing = nn::route(logits, model.config.routing);
    return nn::experts(layer.sample_inputs, experts, routing.ids_NK, routing.gates_NK, /*want_norms=*/false,
                       nn::Implementation::kPlain)
        .out_ND.to(at::kDouble);
  };
  Tensor masked = at::full_like(layer.sample_logits, -1e9);
  for (const int e : kept) masked.select(1, e).copy_(layer.sample_logits.select(1, e));
  return ((run(layer.sample_logits) - run(masked)).square().sum(1) * layer.sample_weights).sum().item<double>();
}

std::vector<int> best_by_running(const LayerSummary& layer, std::size_t count, const model::Model& model) {
  const auto num_experts = static_cast<int>(layer.num_experts());
  std::vector<bool> chosen(static_cast<std::size_t>(num_experts), false);
  std::fill(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(count), true);
  std::vector<int> best;
  double least = 1e300;
  do {
    std::vector<int> kept;
    for (int e = 0; e < num_experts; ++e) {
      if (chosen[static_cast<std::size_t>(e)]) kept.push_back(e);
    }
    const double error = error_by_running(layer, kept, model);
    if (error < least) {
      least = error;
      best = kept;
    }
  } while (std::prev_permutation(chosen.begin(), chosen.end()));
  return best;
}

TEST(Naee, KeepsTheSubsetOfLeastErrorOfAll) {
  const TinyOlmoe tiny(6);
  for (const std::size_t count : {2, 3, 5}) {
    const LayerSummary layer = layer_of(6);
    EXPECT_EQ(kept_by(layer, static_cast<std::int64_t>(count), tiny.model), best_by_running(layer, count, tiny.model));
  }
}

// C(20,10) is 184756, more than are tried. Experts that no token is sent to cost nothing to drop, and all others do.
TEST(Naee, DropsOneByOneWhereSubsetsAreTooMany) {
  const TinyOlmoe tiny(20);
  LayerSummary layer = layer_of(20);
  std::vector<int> used;
  for (int e = 0; e < 20; ++e) {
    if (e % 2 == 1) used.push_back(e);
    if (e % 2 == 0) layer.sample_logits.select(1, e).fill_(-50);
  }
  EXPECT_EQ(kept_by(layer, 10, tiny.model), used);
}

// Each expert is dropped where it is missed least, given those that went before it.
TEST(Naee, DropsTheExpertThatIsMissedLeast) {
  const TinyOlmoe tiny(20);
  const LayerSummary layer = layer_of(20);
  std::vector<int> kept(20);
  std::iota(kept.begin(), kept.end(), 0);
  while (kept.size() > 10) {
    std::vector<int> next;
    double least = 1e300;
    for (const int e : kept) {
      std::vector<int> without = kept;
      std::erase(without, e);
      const double error = error_by_running(layer, without, tiny.model);
      if (error < least) {
        least = error;
        next = without;
      }
    }
    kept = next;
  }
  EXPECT_EQ(kept_by(layer, 10, tiny.model), kept);
}

TEST(Naee, PrefersLowerNumbersAmongEquals) {
  const TinyOlmoe tiny(6);
  LayerSummary layer = layer_of(6);
  for (const int e : {1, 2, 4, 5}) layer.sample_logits.select(1, e).fill_(-200);  // no gate that fp32 holds
  EXPECT_THAT(kept_by(layer, 4, tiny.model), ElementsAre(0, 1, 2, 3));
}

TEST(Naee, KeepsProtectedExperts) {
  const TinyOlmoe tiny(6);
  LayerSummary layer = layer_of(6);
  layer.sample_logits.select(1, 4).fill_(-200);
  MethodOptions options;
  options.protect[0] = {4};
  EXPECT_THAT(kept_by(layer, 3, tiny.model, options), testing::Contains(4));
  options.protect[0] = {0, 4};
  EXPECT_THAT(kept_by(layer, 2, tiny.model, options), ElementsAre(0, 4));
}

TEST(Naee, ReportsProgress) {
  const TinyOlmoe tiny(6);
  std::vector<std::int64_t> done;
  const Listener listener{.on_progress = [&](const Progress& step) {
    EXPECT_EQ(step.total, 20);
    done.push_back(step.done);
  }};
  plan_naee({{layer_of(6)}, 3, {}, 0, tiny.model, listener});
  EXPECT_THAT(done, ElementsAre(20));
}

}  // namespace
}  // namespace uncurl::prune
