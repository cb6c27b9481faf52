#include "uncurl/cluster/summary.h"

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>

#include "uncurl/base/error.h"

namespace uncurl::cluster {
namespace {

template <class Key>
double pairs_within(const std::map<Key, int>& sizes) {
  double pairs = 0;
  for (const auto& [key, size] : sizes) pairs += 0.5 * size * (size - 1.0);
  return pairs;
}

}  // namespace

std::vector<int> group_sizes(const Labels& labels) {
  std::map<int, int> size_of;
  for (const int group : labels) ++size_of[group];
  std::vector<int> sizes;
  for (const auto& [group, size] : size_of) sizes.push_back(size);
  std::sort(sizes.begin(), sizes.end(), std::greater<>());
  return sizes;
}

double largest_share(const Labels& labels) {
  if (labels.empty()) return 0;
  return static_cast<double>(group_sizes(labels).front()) / static_cast<double>(labels.size());
}

double adjusted_rand_index(const Labels& a, const Labels& b) {
  check(a.size() == b.size(), "cannot compare groupings of ", a.size(), " and ", b.size(), " experts");
  std::map<int, int> sizes_a, sizes_b;
  std::map<std::pair<int, int>, int> shared_sizes;
  for (std::size_t item = 0; item < a.size(); ++item) {
    ++sizes_a[a[item]];
    ++sizes_b[b[item]];
    ++shared_sizes[{a[item], b[item]}];
  }
  const double num_items = static_cast<double>(a.size());
  const double all_pairs = 0.5 * num_items * (num_items - 1);
  const double pairs_a = pairs_within(sizes_a), pairs_b = pairs_within(sizes_b);
  const double expected = all_pairs > 0 ? pairs_a * pairs_b / all_pairs : 0;
  const double most = (pairs_a + pairs_b) / 2;
  if (most == expected) return 1;  // both are all singletons, or both one group
  return (pairs_within(shared_sizes) - expected) / (most - expected);
}

}  // namespace uncurl::cluster
