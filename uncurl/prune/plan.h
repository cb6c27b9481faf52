// The idea that carries the program: a plan is a list of groups of experts per layer. An expert in no group is
// dropped, a group of one is kept, a larger group is merged. A person may edit the file; `check_plan` is as strict
// with it as with our own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/model/config.h"

namespace uncurl::prune {

/// One expert of the smaller model.
struct ExpertGroup {
  std::vector<int> members;     ///< ascending, not empty
  int anchor = 0;               ///< a member: the others are aligned to it
  std::vector<double> weights;  ///< by member, not negative, sum 1
  double scale = 1.0;           ///< factor on the expert's output (see --compensate)

  bool is_single() const { return members.size() == 1; }
};

/// A group of one.
ExpertGroup single_group(int expert);

using Groups = std::vector<ExpertGroup>;  ///< in the order of the new experts: by anchor

/// Sorted by anchor, members by number: the order in which new experts are numbered.
Groups in_order(Groups groups);

/// The weighted average of the members aligned to the anchor.
inline constexpr const char* kMergeAverage = "average";
/// The same, with the down projection fitted on sampled inputs: least_squares.h.
inline constexpr const char* kMergeLeastSquares = "least-squares";

/// Neurons of two experts are matched by their weights alone, or by what they answer to kept inputs as well.
inline constexpr const char* kMatchWeights = "weights";
inline constexpr const char* kMatchActivations = "weights-and-activations";

struct LayerPlan {
  std::int64_t layer = 0;  ///< index in the model
  std::string method;
  std::string router;  ///< name of the router rule
  Groups groups;
  std::string merge = kMergeAverage;  ///< how a group becomes one expert
  std::string match = kMatchWeights;  ///< how its members are aligned before

  std::int64_t num_experts() const { return static_cast<std::int64_t>(groups.size()); }
};

/// How the members of a group are made alike before they are averaged. docs/method.md section 4.
struct AlignOptions {
  bool permute = true;  ///< by the best permutation of hidden neurons
  bool rescale = true;  ///< use that up times s with down over s is the same expert, for any s but 0
};

struct Plan {
  std::string model_fingerprint;
  std::string model_type;
  std::string stats_path;  ///< relative to the plan's folder, or absolute
  std::string stats_hash;
  Json options;  ///< what the plan was made with, for the reader
  AlignOptions align;
  double ridge = 0;  ///< of the lse router rule
  std::uint64_t seed = 0;
  std::vector<double> weights;  ///< of the sources, as in `options`; empty: as observed
  bool allow_mixed_counts = false;
  std::vector<LayerPlan> layers;  ///< one per MoE layer, ascending
};

/// @throws Error naming layer and group for everything that could not become a working checkpoint: a layer missing or
///         twice, an expert out of range or in two groups, an anchor that is no member, bad weights, fewer groups than
///         experts per token, experts that would leave their router group, counts that differ without
///         allow_mixed_counts, `slice` with merged groups, unknown rules of router, merge or match
void check_plan(const Plan& plan, const model::ModelConfig& config);

/// Text with one group a line; reading gives the same plan.
void write_plan(const std::filesystem::path& path, const Plan& plan);
/// @throws Error naming file and key; the result has not been through check_plan
Plan read_plan(const std::filesystem::path& path);

/// Experts after pruning by model layer, 0 where dense.
std::vector<std::int64_t> experts_after(const Plan& plan, const model::ModelConfig& config);

}  // namespace uncurl::prune
