// --budget: a total of experts in place of a count for every layer, spent where the predicted errors of the layers say.
#pragma once

#include "cli/stations.h"

namespace uncurl::cli {

struct BudgetOptions {
  std::optional<std::int64_t> total;
  bool names_method = false;  ///< --method is on the command line
};
/// Beside --experts and --keep, which must be there already.
void add_budget_option(CLI::App& command, BudgetOptions& options);

/// What of it can be refused before anything is observed. Returns the most experts that a layer keeps on average,
/// rounded up.
std::int64_t check_budget(const model::Model& model, const BudgetOptions& budget, const PlanOptions& options);

/// Stations 4 and 5 with a budget: the counts or methods that spend it best, as predicted; says what they save.
/// @param stats  with inputs
prune::Plan plan_budget(const model::Model& model, const prune::RoutingStats& stats,
                        const std::filesystem::path& stats_path, const std::filesystem::path& plan_folder,
                        const BudgetOptions& budget, const PlanOptions& options, Terminal& terminal);

}  // namespace uncurl::cli
