// The table of pruning methods. `uncurl methods` prints it; a method is one file in this folder and one line there.
#pragma once

#include "uncurl/prune/method.h"

namespace uncurl::prune {

const std::vector<Method>& methods();

/// @throws Error that lists the methods if there is none of this name
const Method& find_method(const std::string& name);

/// How the merging methods group, unless told otherwise.
inline constexpr Grouping kUncurlGrouping{.clustering = "spectral", .compare = "router-logits"};
inline constexpr Grouping kAnchorGrouping{.compare = "router-logits", .any_clustering = false};
inline constexpr Grouping kHcSmoeGrouping{.clustering = "agglomerative-average", .compare = "expert-outputs"};
inline constexpr Grouping kMergeMoeGrouping{.compare = "gate-up"};

Tensor ream_similarity(const MethodInput& input, const LayerSummary& layer);
inline constexpr Grouping kReamGrouping{.similarity = ream_similarity};

std::vector<Groups> plan_uncurl(const MethodInput& input);
std::vector<Groups> plan_frequency_merge(const MethodInput& input);
std::vector<Groups> plan_mc_smoe(const MethodInput& input);
std::vector<Groups> plan_hc_smoe(const MethodInput& input);
std::vector<Groups> plan_ream(const MethodInput& input);
std::vector<Groups> plan_naee(const MethodInput& input);
std::vector<Groups> plan_mergemoe(const MethodInput& input);
std::vector<Groups> plan_frequency(const MethodInput& input);
std::vector<Groups> plan_soft_frequency(const MethodInput& input);
std::vector<Groups> plan_ean(const MethodInput& input);
std::vector<Groups> plan_reap(const MethodInput& input);
std::vector<Groups> plan_man(const MethodInput& input);
std::vector<Groups> plan_msan(const MethodInput& input);
std::vector<Groups> plan_easy_ep(const MethodInput& input);
std::vector<Groups> plan_random(const MethodInput& input);

}  // namespace uncurl::prune
