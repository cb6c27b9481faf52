// A tiny checkpoint that was opened and observed: what the tests of the last stations begin with.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "tests/prune/fixtures.h"
#include "tests/support/tiny_checkpoint.h"
#include "uncurl/model/model.h"
#include "uncurl/prune/observe.h"
#include "uncurl/prune/planner.h"

namespace uncurl::prune {

class Observed {
 public:
  explicit Observed(const test::TinyModel& tiny = {}, const std::vector<text::SampledSource>& sources = two_sources()) {
    test::write_tiny_checkpoint(folder / "model", tiny);
    model = std::make_unique<const model::Model>(model::open_model(folder / "model"));
    stats = observe(*model, compute, sources, {}, {});
  }

  static std::vector<text::SampledSource> two_sources() {
    return {random_source("first", 6, 3, 1), random_source("second", 4, 2, 2)};
  }

  Plan plan(const PlanRequest& request, std::int64_t count) const {
    return make_plan(*model, stats, count, request, {});
  }
  std::vector<LayerSummary> summaries() const { return mix_all(stats, {}); }

  test::TemporaryFolder folder;
  Compute compute;
  std::unique_ptr<const model::Model> model;
  RoutingStats stats;
};

/// The same with six experts, of which 3, 4 and 5 are made from 1, 0 and 2, and with the inputs of 30 tokens.
class Planted : public Observed {
 public:
  /// Parts that it leaves undefined stay as they are.
  using MakeCopy = std::function<Expert(const Expert& original, int copy)>;

  /// @param counts  selections of each expert, in every layer and source
  Planted(const MakeCopy& make_copy, const std::vector<double>& counts) {
    const test::TinyModel tiny{.num_experts = 6};
    test::TensorMap tensors = test::tiny_tensors(tiny);
    const auto find = [&](int layer, int expert, const char* part) -> Tensor& {
      return tensors.at(concat("model.layers.", layer, ".mlp.experts.", expert, ".", part, ".weight"));
    };
    for (const int layer : {0, 1}) {
      for (const auto& [copy, of] : {std::pair{3, 1}, {4, 0}, {5, 2}}) {
        const Expert made =
            make_copy({find(layer, of, "gate_proj"), find(layer, of, "up_proj"), find(layer, of, "down_proj")}, copy);
        if (made.gate.defined()) find(layer, copy, "gate_proj") = made.gate;
        if (made.up.defined()) find(layer, copy, "up_proj") = made.up;
        if (made.down.defined()) find(layer, copy, "down_proj") = made.down;
      }
    }
    test::write_checkpoint(folder / "planted", test::tiny_config(tiny), tensors);
    model = std::make_unique<const model::Model>(model::open_model(folder / "planted"));
    stats = observe(*model, compute, two_sources(), {.input_tokens = 30}, {});
    for (LayerStats& layer : stats.layers) {
      for (ExpertSums& sums : layer.sources) sums.count = doubles(counts);
    }
  }
};

/// Every expert in a group of its own.
inline Plan identity_plan(const Observed& observed) {
  return observed.plan({.method = "frequency"}, observed.model->config.num_experts);
}

}  // namespace uncurl::prune
