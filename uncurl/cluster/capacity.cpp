#include "uncurl/cluster/capacity.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <limits>

// Items come one by one. A newcomer goes where it costs least once the full groups on the way have each passed one
// member on: a shortest path over groups, where g -> h costs what the cheapest member of g loses by moving to h.
// The assignment of those already in is optimal at any time, so no cycle of moves gains anything.

namespace uncurl::cluster {
namespace {

constexpr int kNobody = -1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

class Transport {
 public:
  Transport(std::span<const double> cost, int num_groups, int capacity)
      : cost_(cost), num_groups_(num_groups), capacity_(capacity), members_(num_groups), moves_(num_groups) {
    double largest = 0;
    for (const double value : cost) largest = std::max(largest, std::abs(value));
    rounding_ = 1e-12 * largest;
    for (std::vector<Move>& from_group : moves_) from_group.resize(num_groups);
  }

  void insert(int newcomer);
  std::vector<int> labels(int num_items) const;

 private:
  struct Move {
    int item = kNobody;
    double cost = kInfinity;
  };
  struct Path {
    std::vector<double> length;  // to each group
    std::vector<int> previous;   // the group before it, kNobody if the newcomer goes there directly
  };

  double cost(int item, int group) const {
    return cost_[static_cast<std::size_t>(item) * static_cast<std::size_t>(num_groups_) +
                 static_cast<std::size_t>(group)];
  }
  bool full(int group) const { return static_cast<int>(members_[group].size()) == capacity_; }
  Path shortest_paths(int newcomer) const;
  void list_moves_from(int group);

  std::span<const double> cost_;
  int num_groups_, capacity_;
  double rounding_ = 0;  // a gain below this is none, or rounding could make a cycle of moves look like a gain
  std::vector<std::vector<int>> members_;
  std::vector<std::vector<Move>> moves_;  // the cheapest from each full group to each other
};

void Transport::insert(int newcomer) {
  const Path path = shortest_paths(newcomer);
  int end = kNobody;
  for (int group = 0; group < num_groups_; ++group) {
    if (!full(group) && (end == kNobody || path.length[group] < path.length[end])) end = group;
  }
  assert(end != kNobody);

  std::vector<int> touched = {end};
  int group = end;
  for (int from = path.previous[group]; from != kNobody; group = from, from = path.previous[group]) {
    const int item = moves_[from][group].item;
    members_[group].push_back(item);
    std::erase(members_[from], item);
    touched.push_back(from);
  }
  members_[group].push_back(newcomer);
  for (const int changed : touched) {
    if (full(changed)) list_moves_from(changed);
  }
}

// Bellman and Ford with a list of the groups whose length fell: moves can have negative costs.
Transport::Path Transport::shortest_paths(int newcomer) const {
  Path path{std::vector<double>(num_groups_), std::vector<int>(num_groups_, kNobody)};
  std::vector<int> shortened;
  for (int group = 0; group < num_groups_; ++group) {
    path.length[group] = cost(newcomer, group);
    if (full(group)) shortened.push_back(group);
  }
  while (!shortened.empty()) {
    std::vector<bool> next(num_groups_, false);
    for (const int from : shortened) {
      for (int group = 0; group < num_groups_; ++group) {
        const double length = path.length[from] + moves_[from][group].cost;
        if (group == from || length >= path.length[group] - rounding_) continue;
        path.length[group] = length;
        path.previous[group] = from;
        next[group] = full(group);
      }
    }
    shortened.clear();
    for (int group = 0; group < num_groups_; ++group) {
      if (next[group]) shortened.push_back(group);
    }
  }
  return path;
}

void Transport::list_moves_from(int group) {
  std::fill(moves_[group].begin(), moves_[group].end(), Move{});
  for (const int item : members_[group]) {
    for (int other = 0; other < num_groups_; ++other) {
      const double loss = cost(item, other) - cost(item, group);
      if (loss < moves_[group][other].cost) moves_[group][other] = {item, loss};
    }
  }
}

std::vector<int> Transport::labels(int num_items) const {
  std::vector<int> result(num_items, kNobody);
  for (int group = 0; group < num_groups_; ++group) {
    for (const int item : members_[group]) result[item] = group;
  }
  return result;
}

}  // namespace

std::vector<int> assign_with_capacity(std::span<const double> cost, int num_groups, int capacity) {
  const int num_items = static_cast<int>(cost.size()) / num_groups;
  assert(num_items <= num_groups * capacity);
  Transport transport(cost, num_groups, capacity);
  for (int item = 0; item < num_items; ++item) transport.insert(item);
  return transport.labels(num_items);
}

}  // namespace uncurl::cluster
