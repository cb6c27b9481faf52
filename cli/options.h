// Options that several commands share, from flag to the library's structs. An option has one name everywhere.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/model/stream.h"
#include "uncurl/prune/planner.h"
#include "uncurl/text/sample.h"

namespace uncurl::cli {

/// --task, --held-out, --template, --sequence-length, --max-tokens, --keep-inputs, --save-seconds
struct DataOptions {
  std::vector<std::string> tasks;
  std::vector<std::string> held_out;
  std::string record_template;
  text::SampleOptions sample;
  std::optional<std::int64_t> sequence_length;  ///< default: 2048, or fewer where the model was made for fewer
  bool skip_bad_rows = false;
  std::optional<std::int64_t> keep_inputs;  ///< default: what the methods of the command need
  double save_seconds = 5;
};
void add_data_options(CLI::App& command, DataOptions& options);

/// Rows no longer than the model was made for, unless the user asks for more and its positions allow it.
void fit_rows_(DataOptions& options, const model::Model& model, const Listener& listener);

/// Says how many rows of a source are not used, if any.
void note_left_out(const std::string& name, const text::LeftOut& left_out, const Listener& listener);

/// Reads and tokenises the rows with the model's own tokenizer.
std::vector<text::SampledSource> read_rows(const DataOptions& options, const model::Model& model,
                                           const Listener& listener);

/// The options that change the rows, as statistics carry them, and the hash of the tokenizer.
Json provenance(const DataOptions& options, const model::Model& model);

/// --dtype, --threads
struct ComputeOptions {
  std::string dtype = "auto";
  int threads = 0;
};
void add_compute_options(CLI::App& command, ComputeOptions& options);
void add_threads_option(CLI::App& command, int& threads);
Compute make_compute(const ComputeOptions& options, const model::Model& model);
void apply_threads(int threads);

/// --experts or --keep
struct CountOptions {
  std::optional<std::int64_t> experts;
  std::optional<double> keep;
};
void add_count_options(CLI::App& command, CountOptions& options);

/// --method, --router and everything else that decides a plan.
struct PlanOptions {
  std::string method = "uncurl";
  std::optional<std::string> router;
  std::optional<double> ridge;
  std::vector<std::string> layer_methods, layer_experts, protect;
  std::optional<std::string> clustering, compare, centering, affinity_map, laplacian;
  std::optional<int> affinity_power, num_restarts, max_cluster_size;
  bool no_permute = false, no_rescale = false, renormalize_gates = false, compensate = false,
       allow_mixed_counts = false;
  bool paper = false;
  std::optional<std::uint64_t> seed;
  std::vector<double> weights;
};
void add_plan_options(CLI::App& command, PlanOptions& options);

/// @throws UsageError for options without effect on the chosen method, and for names that do not exist
prune::PlanRequest make_request(const PlanOptions& options, const Listener& listener);

/// @throws UsageError for options without effect on this model
void check_effects(const PlanOptions& options, const model::ModelConfig& config);

}  // namespace uncurl::cli
