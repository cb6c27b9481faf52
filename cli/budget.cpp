#include "cli/budget.h"

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/study/spend.h"

namespace uncurl::cli {

void add_budget_option(CLI::App& command, BudgetOptions& options) {
  command
      .add_option("--budget", options.total,
                  "experts of all layers together: one count, and for each layer the method of least predicted error; "
                  "with --allow-mixed-counts, --method at the counts of least error")
      ->excludes("--experts", "--keep")
      ->check(CLI::PositiveNumber);
}

std::int64_t check_budget(const model::Model& model, const BudgetOptions& budget, const PlanOptions& options) {
  if (!options.layer_experts.empty() || !options.layer_methods.empty()) {
    throw UsageError("--budget decides what each layer gets; it does not go with --layer-experts or --layer-method");
  }
  if (budget.names_method && !options.allow_mixed_counts) {
    throw UsageError(
        "--budget chooses the method of each layer, so --method has no effect; with --allow-mixed-counts it keeps the "
        "method and chooses counts");
  }
  study::check_budget(model.config, *budget.total, make_request(options, {}));
  const std::int64_t step =
      static_cast<std::int64_t>(model.config.moe_layers().size()) * model.config.routing.num_groups;
  const std::int64_t most = (*budget.total + step - 1) / step * model.config.routing.num_groups;
  return std::min(most, model.config.num_experts);
}

prune::Plan plan_budget(const model::Model& model, const prune::RoutingStats& stats,
                        const std::filesystem::path& stats_path, const std::filesystem::path& plan_folder,
                        const BudgetOptions& budget, const PlanOptions& options, Terminal& terminal) {
  expect_observed_on(model, stats, stats_path.string());
  const Listener listener = terminal.listener();
  const model::LayerStream original(model, compute_of(stats));
  const study::Spending spending =
      study::spend_budget(original, stats, *budget.total, make_request(options, listener), listener);
  prune::Plan plan = prune::make_plan(model, stats, spending.num_experts, spending.request, listener);
  plan.stats_path = relative_path(stats_path, plan_folder);
  plan.stats_hash = file_hash(stats_path);
  std::int64_t kept = 0;
  for (const prune::LayerPlan& layer : plan.layers) kept += layer.num_experts();
  terminal.say(concat("budget    ", kept, " of ", *budget.total, " experts spent: predicted error ",
                      number_text(spending.error, 6), "; ", options.method, " at one count for all layers ",
                      number_text(spending.uniform_error, 6)));
  return plan;
}

}  // namespace uncurl::cli
