// The stations of ARCHITECTURE.md section 4 as the commands share them: each calls the library and tells what it did.
#pragma once

#include <filesystem>
#include <optional>

#include "cli/options.h"
#include "cli/terminal.h"
#include "uncurl/prune/quality.h"
#include "uncurl/prune/sequential.h"
#include "uncurl/prune/verify.h"

namespace uncurl::cli {

/// Station 1: opens the checkpoint and says what it is.
model::Model open(const std::filesystem::path& folder, Terminal& terminal);

/// Stations 2 and 3: rows, statistics, coverage table; the statistics are written to `out`.
/// @param sequential  if there, each layer is observed behind the layers that this request prunes
prune::RoutingStats observe_to(const std::filesystem::path& out, const model::Model& model, DataOptions data,
                               const ComputeOptions& compute, const std::optional<prune::SequentialRequest>& sequential,
                               Terminal& terminal);

/// Stations 4 and 5. The plan names the statistics file relative to `plan_folder`.
prune::Plan make_plan(const model::Model& model, const prune::RoutingStats& stats,
                      const std::filesystem::path& stats_path, const std::filesystem::path& plan_folder,
                      const CountOptions& count, const PlanOptions& options, Terminal& terminal);

/// Stations 6 to 8: the checkpoint is written, verified, measured and renamed to its name, with plan.json and
/// result.json in it. It is measured in the dtype of the statistics, whose held-out states are the original's.
void build_checkpoint(const model::Model& model, const prune::Plan& plan, const prune::RoutingStats& stats,
                      const std::filesystem::path& out, bool overwrite, Terminal& terminal);

/// What the statistics were observed with.
Compute compute_of(const prune::RoutingStats& stats);

/// Statistics must be of the model they are used with. @throws Error otherwise
void expect_same_model(const model::Model& model, const std::string& fingerprint, const std::string& what);

/// A file as seen from a folder, so that both may move together.
std::string relative_path(const std::filesystem::path& file, const std::filesystem::path& folder);

void print_quality(const std::vector<prune::Quality>& qualities, Terminal& terminal);

}  // namespace uncurl::cli
