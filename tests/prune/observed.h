// A tiny checkpoint that was opened and observed: what the tests of the last stations begin with.
#pragma once

#include <memory>

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

/// Every expert in a group of its own.
inline Plan identity_plan(const Observed& observed) {
  return observed.plan({.method = "frequency"}, observed.model->config.num_experts);
}

}  // namespace uncurl::prune
