#include "uncurl/cluster/balance.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

#include "uncurl/math/assignment.h"

namespace uncurl::cluster {

// Each group has `least` places that must be taken and, where the items do not divide evenly, one that may be. Rows
// beyond the items stand for nobody and take those of the latter that stay free.
std::vector<int> assign_balanced(std::span<const double> cost, int num_groups) {
  const int num_items = static_cast<int>(cost.size()) / num_groups;
  assert(num_groups >= 1 && num_items >= num_groups);
  const int least = num_items / num_groups, required = least * num_groups;
  const int size = num_items == required ? required : required + num_groups;

  double largest = 0;
  for (const double value : cost) largest = std::max(largest, std::abs(value));
  const double forbidden = -2 * (largest + 1) * size;  // below the score of any assignment that avoids it
  std::vector<float> scores(static_cast<std::size_t>(size) * static_cast<std::size_t>(size), 0.0f);
  for (int row = 0; row < size; ++row) {
    for (int place = 0; place < size; ++place) {
      const auto group = static_cast<std::size_t>(place % num_groups);
      float& score =
          scores[static_cast<std::size_t>(row) * static_cast<std::size_t>(size) + static_cast<std::size_t>(place)];
      if (row < num_items) {
        score = static_cast<float>(-cost[static_cast<std::size_t>(row) * static_cast<std::size_t>(num_groups) + group]);
      } else if (place < required) {
        score = static_cast<float>(forbidden);
      }
    }
  }
  const math::Permutation best = math::maximize_assignment(scores, size);
  std::vector<int> labels;
  for (int item = 0; item < num_items; ++item) labels.push_back(best[item] % num_groups);
  return labels;
}

}  // namespace uncurl::cluster
