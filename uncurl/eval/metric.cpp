#include "uncurl/eval/metric.h"

#include <cmath>
#include <map>
#include <numbers>

#include "uncurl/base/error.h"

namespace uncurl::eval {
namespace {

constexpr std::int64_t kResamples = 2000;
constexpr std::uint64_t kSeed = 20240101;  // of the resamples: equal work gives equal intervals

struct Confusion {
  double true_positive = 0, false_positive = 0, false_negative = 0;

  double f1() const {
    const double wrong = false_positive + false_negative;
    return true_positive == 0 ? 0 : 2 * true_positive / (2 * true_positive + wrong);
  }
};

/// By label. A label that nobody has and nobody predicts is not there.
std::map<int, Confusion> confusions(const std::vector<Unit>& units, std::span<const std::size_t> indices) {
  std::map<int, Confusion> by_label;
  for (const std::size_t index : indices) {
    for (const auto& [label, prediction] : units[index].judged) {
      if (label == prediction) {
        by_label[label].true_positive += 1;
      } else {
        by_label[label].false_negative += 1;
        by_label[prediction].false_positive += 1;
      }
    }
  }
  return by_label;
}

double macro_f1(const std::map<int, Confusion>& by_label) {
  double sum = 0;
  for (const auto& [label, confusion] : by_label) sum += confusion.f1();
  return sum / static_cast<double>(by_label.size());
}

double ratio(const std::vector<Unit>& units, std::span<const std::size_t> indices) {
  double values = 0, weights = 0;
  for (const std::size_t index : indices) {
    values += units[index].value;
    weights += units[index].weight;
  }
  return values / weights;
}

double value_of(Aggregate aggregate, const std::vector<Unit>& units, std::span<const std::size_t> indices) {
  switch (aggregate) {
    case Aggregate::kShare:
    case Aggregate::kMean:
      return ratio(units, indices);
    case Aggregate::kPerplexity:
      return std::exp(ratio(units, indices));
    case Aggregate::kBits:
      return ratio(units, indices) / std::numbers::ln2;
    case Aggregate::kMacroF1:
      return macro_f1(confusions(units, indices));
    case Aggregate::kYesF1:
      return confusions(units, indices)[1].f1();
  }
  fail("an aggregate that is none");
}

/// Indices of the units of each cluster.
using Clusters = std::vector<std::vector<std::size_t>>;

Clusters clusters_of(const std::vector<Unit>& units) {
  Clusters clusters;
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (units[i].cluster >= clusters.size()) clusters.resize(units[i].cluster + 1);
    clusters[units[i].cluster].push_back(i);
  }
  return clusters;
}

bool all_alone(const Clusters& clusters, const std::vector<Unit>& units) { return clusters.size() == units.size(); }

/// Sums over the units of each cluster.
struct ClusterSums {
  std::vector<double> values, weights;
};

ClusterSums sums_of(const Clusters& clusters, const std::vector<Unit>& units) {
  ClusterSums sums;
  for (const std::vector<std::size_t>& cluster : clusters) {
    double value = 0, weight = 0;
    for (const std::size_t unit : cluster) {
      value += units[unit].value;
      weight += units[unit].weight;
    }
    sums.values.push_back(value);
    sums.weights.push_back(weight);
  }
  return sums;
}

math::Estimate share_estimate(const Clusters& clusters, const std::vector<Unit>& units) {
  if (!all_alone(clusters, units)) {
    const ClusterSums sums = sums_of(clusters, units);
    return math::share_estimate(sums.values, sums.weights);
  }
  std::int64_t successes = 0;
  for (const Unit& unit : units) successes += unit.value == 1 ? 1 : 0;
  return math::wilson_estimate(successes, static_cast<std::int64_t>(units.size()));
}

/// Of a statistic of units, drawing clusters. n is the number of units.
math::Estimate bootstrap(const Clusters& clusters, const std::vector<Unit>& units, const math::Statistic& of_units) {
  Rng rng(kSeed);
  math::Estimate estimate = math::bootstrap_estimate(
      clusters.size(),
      [&](std::span<const std::size_t> drawn) {
        std::vector<std::size_t> indices;
        for (const std::size_t cluster : drawn) {
          indices.insert(indices.end(), clusters[cluster].begin(), clusters[cluster].end());
        }
        return of_units(indices);
      },
      kResamples, rng);
  estimate.n = static_cast<std::int64_t>(units.size());
  return estimate;
}

math::Estimate estimate_of(Aggregate aggregate, const std::vector<Unit>& units) {
  const Clusters clusters = clusters_of(units);
  if (aggregate == Aggregate::kShare) return share_estimate(clusters, units);
  if (aggregate == Aggregate::kMacroF1 || aggregate == Aggregate::kYesF1) {
    return bootstrap(clusters, units,
                     [&](std::span<const std::size_t> indices) { return value_of(aggregate, units, indices); });
  }
  const ClusterSums sums = sums_of(clusters, units);
  const math::Estimate e = math::ratio_estimate(sums.values, sums.weights);
  if (aggregate == Aggregate::kMean) return e;
  const auto scaled = [&](double x) {
    if (!std::isfinite(x)) return x;  // one cluster has no interval
    return aggregate == Aggregate::kPerplexity ? std::exp(x) : x / std::numbers::ln2;
  };
  return {scaled(e.mean), scaled(e.low), scaled(e.high), e.n};
}

/// gained - lost, by cluster.
std::vector<std::int64_t> changes_of(const Clusters& clusters, const Metric& original, const Metric& other) {
  std::vector<std::int64_t> changes;
  for (const std::vector<std::size_t>& cluster : clusters) {
    std::int64_t change = 0;
    for (const std::size_t unit : cluster) {
      change += (other.units[unit].value == 1 ? 1 : 0) - (original.units[unit].value == 1 ? 1 : 0);
    }
    changes.push_back(change);
  }
  return changes;
}

}  // namespace

Metric make_metric(std::string name, Aggregate aggregate, bool higher_is_better, std::vector<Unit> units) {
  check(!units.empty(), "metric ", name, ": there is nothing to measure");
  const math::Estimate estimate = estimate_of(aggregate, units);
  return {std::move(name), aggregate, higher_is_better, std::move(units), estimate};
}

MetricComparison compare_metrics(const Metric& original, const Metric& other) {
  check(original.name == other.name && original.units.size() == other.units.size(), "metric ", original.name, " of ",
        original.units.size(), " units beside ", other.name, " of ", other.units.size(),
        ", expected the same metric of the same units");
  MetricComparison comparison{.name = original.name, .original = original.estimate, .other = other.estimate};
  const Clusters clusters = clusters_of(original.units);
  comparison.difference = bootstrap(clusters, original.units, [&](std::span<const std::size_t> indices) {
    return value_of(other.aggregate, other.units, indices) - value_of(original.aggregate, original.units, indices);
  });
  comparison.has_test = original.aggregate == Aggregate::kShare;
  if (!comparison.has_test) return comparison;
  for (std::size_t i = 0; i < original.units.size(); ++i) {
    const bool before = original.units[i].value == 1, after = other.units[i].value == 1;
    comparison.lost += before && !after ? 1 : 0;
    comparison.gained += after && !before ? 1 : 0;
  }
  comparison.mcnemar = all_alone(clusters, original.units)
                           ? math::mcnemar_exact(comparison.lost, comparison.gained)
                           : math::sign_flip_exact(changes_of(clusters, original, other));
  return comparison;
}

}  // namespace uncurl::eval
