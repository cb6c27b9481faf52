// The stations of ARCHITECTURE.md section 4 as the commands share them: each calls the library and tells what it did.
#pragma once

#include <filesystem>
#include <optional>

#include "cli/options.h"
#include "cli/terminal.h"
#include "uncurl/base/write_file.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/prune/quality.h"
#include "uncurl/prune/sequential.h"
#include "uncurl/prune/verify.h"

namespace uncurl::cli {

/// Station 1: opens the checkpoint and says what it is.
model::Model open(const std::filesystem::path& folder, Terminal& terminal,
                  model::Purpose purpose = model::Purpose::kRun);

/// The same for what prunes or plans to. @throws Error if it cannot be pruned
model::Model open_to_prune(const std::filesystem::path& folder, Terminal& terminal);

/// What observe_to does with statistics that are there already.
struct ExistingStats {
  bool reuse = false;    ///< those of the same model, rows and options are taken: a killed run goes on by itself
  bool replace = false;  ///< all others are replaced; else they are an error
};

/// Where the statistics go, and what follows them.
struct ObservePlace {
  std::filesystem::path out;
  ExistingStats existing;
  SpaceNeed checkpoint;  ///< that will be written after the statistics; no bytes: none will
};

/// Stations 2 and 3: rows, statistics, coverage table. One process at a time: others are refused at once.
/// @param sequential  if there, each layer is observed after the layers before it were pruned as this request says
prune::RoutingStats observe_to(const ObservePlace& place, const model::Model& model, DataOptions data,
                               const ComputeOptions& compute, const std::optional<prune::SequentialRequest>& sequential,
                               Terminal& terminal);

/// Stations 4 and 5. The plan names the statistics file relative to `plan_folder`.
prune::Plan make_plan(const model::Model& model, const prune::RoutingStats& stats,
                      const std::filesystem::path& stats_path, const std::filesystem::path& plan_folder,
                      const CountOptions& count, const PlanOptions& options, Terminal& terminal);

/// Stations 6 to 8: the checkpoint is written, verified, measured and renamed to its name, with plan.json and
/// result.json in it. It is measured in the dtype of the statistics, whose held-out states are the original's.
/// @throws Interrupted also after the output has its name, which what() says then
void build_checkpoint(const model::Model& model, const prune::Plan& plan, const prune::RoutingStats& stats,
                      prune::OutputFolder& output, Terminal& terminal);

/// What the statistics were observed with.
Compute compute_of(const prune::RoutingStats& stats);

/// Statistics must be of the model they are used with. @throws Error otherwise
void expect_same_model(const model::Model& model, const std::string& fingerprint, const std::string& what);

/// @throws Error if the statistics are of another checkpoint, or were observed with another tokenizer than its folder
/// has
void expect_observed_on(const model::Model& model, const prune::RoutingStats& stats, const std::string& what);

/// A file as seen from a folder, so that both may move together.
std::string relative_path(const std::filesystem::path& file, const std::filesystem::path& folder);

void print_quality(const std::vector<prune::Quality>& qualities, Terminal& terminal);

}  // namespace uncurl::cli
