// How the smaller layer gets its router from the old one. One file per rule in this folder, one line in the table.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

struct RouterInput {
  const at::Tensor& router_ED;  ///< fp32, the old rows
  const Groups& groups;
  const LayerSummary& layer;
  double ridge;  ///< lse
  std::uint64_t seed;
};

struct RouterRule {
  const char* name;
  const char* description;
  const char* source;
  bool merges;                                   ///< accepts groups of more than one
  bool keeps_single_rows;                        ///< a group of one keeps the bits of its row
  at::Tensor (*rows)(const RouterInput& input);  ///< [G,D] fp32, in the order of the groups; of `map` [R,D], R members
  bool in_memory_only = false;                   ///< no checkpoint can hold it: for trying alone
};

const std::vector<RouterRule>& router_rules();

/// @throws Error that lists the rules if there is none of this name
const RouterRule& find_router_rule(const std::string& name);

/// @throws Error that says what to do instead if no checkpoint can hold this rule's rows
void check_can_be_written(const RouterRule& rule);

at::Tensor anchor_rows(const RouterInput& input);
at::Tensor weighted_mean_rows(const RouterInput& input);
at::Tensor log_sum_exp_rows(const RouterInput& input);
at::Tensor random_rows(const RouterInput& input);
at::Tensor every_row(const RouterInput& input);

/// [R] int64: which group the rows of every_row lead to.
at::Tensor expert_of_every_row(const Groups& groups);

/// Groups of one get their row's bits: arithmetic would lose the sign of a zero.
void keep_single_rows_(at::Tensor& rows_GD, const RouterInput& input);

/// [G,E] fp64, row d holds the weights of group d's members.
at::Tensor membership_weights(const Groups& groups, std::int64_t num_experts);

}  // namespace uncurl::prune
