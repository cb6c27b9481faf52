// Items to groups at least cost when a group holds only so many: the assignment step of k-means with a size limit.
// Solved exactly, as a transportation problem by successive shortest paths (Ahuja, Magnanti and Orlin 1993, 9.7).
// Why not maximize_assignment on one column per free place: E items would need G * capacity rows, most of them dummies.
#pragma once

#include <span>
#include <vector>

namespace uncurl::cluster {

/// The group of each item such that no group has more than `capacity` and the sum of costs is the least possible.
/// @param cost  row-major [items, groups], finite
/// Needs num_groups * capacity >= items. Cost O(items^2 groups) at worst, close to O(items groups) when few overflow.
std::vector<int> assign_with_capacity(std::span<const double> cost, int num_groups, int capacity);

}  // namespace uncurl::cluster
