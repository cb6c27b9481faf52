// Items to groups of equal size at least cost: the assignment step of balanced k-means.
// Malinen and Franti 2014, "Balanced K-Means for Clustering": places in groups as columns of an assignment problem.
#pragma once

#include <span>
#include <vector>

namespace uncurl::cluster {

/// The group of each item such that every group has floor(items / groups) or one more, and the sum of costs is the
/// least possible.
/// @param cost  row-major [items, groups], finite; looked at in fp32
/// Needs 1 <= num_groups <= items. Cost O((items + groups)^3) at worst.
std::vector<int> assign_balanced(std::span<const double> cost, int num_groups);

}  // namespace uncurl::cluster
