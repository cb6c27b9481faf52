// What a clustering looks like and how far two of them agree. The paper's own clusters are one giant and many
// singletons (its figure after section 6.3), which is worth a warning before anyone merges them.
#pragma once

#include <vector>

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

/// Number of items of each group, the largest first.
std::vector<int> group_sizes(const Labels& labels);

/// Share of the items that are in the largest group, in (0,1]; 0 for no items.
double largest_share(const Labels& labels);

/// Agreement of two groupings of the same items: 1 if equal, about 0 if unrelated, below 0 if less alike than chance.
/// Hubert and Arabie 1985, "Comparing partitions". @throws Error if the numbers of items differ
double adjusted_rand_index(const Labels& a, const Labels& b);

}  // namespace uncurl::cluster
