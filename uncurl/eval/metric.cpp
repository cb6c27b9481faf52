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

math::Estimate ratio_estimate(const std::vector<Unit>& units) {
  std::vector<double> values, weights;
  for (const Unit& unit : units) {
    values.push_back(unit.value);
    weights.push_back(unit.weight);
  }
  return math::ratio_estimate(values, weights);
}

math::Estimate share_estimate(const std::vector<Unit>& units) {
  std::int64_t successes = 0;
  for (const Unit& unit : units) successes += unit.value == 1 ? 1 : 0;
  return math::wilson_estimate(successes, static_cast<std::int64_t>(units.size()));
}

math::Estimate estimate_of(Aggregate aggregate, const std::vector<Unit>& units) {
  if (aggregate == Aggregate::kShare) return share_estimate(units);
  if (aggregate == Aggregate::kMacroF1 || aggregate == Aggregate::kYesF1) {
    Rng rng(kSeed);
    return math::bootstrap_estimate(
        units.size(), [&](std::span<const std::size_t> indices) { return value_of(aggregate, units, indices); },
        kResamples, rng);
  }
  const math::Estimate e = ratio_estimate(units);
  if (aggregate == Aggregate::kMean) return e;
  const auto scaled = [&](double x) {
    if (!std::isfinite(x)) return x;  // one unit has no interval
    return aggregate == Aggregate::kPerplexity ? std::exp(x) : x / std::numbers::ln2;
  };
  return {scaled(e.mean), scaled(e.low), scaled(e.high), e.n};
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
  Rng rng(kSeed);
  comparison.difference = math::bootstrap_estimate(
      original.units.size(),
      [&](std::span<const std::size_t> indices) {
        return value_of(other.aggregate, other.units, indices) - value_of(original.aggregate, original.units, indices);
      },
      kResamples, rng);
  comparison.has_test = original.aggregate == Aggregate::kShare;
  if (!comparison.has_test) return comparison;
  for (std::size_t i = 0; i < original.units.size(); ++i) {
    const bool before = original.units[i].value == 1, after = other.units[i].value == 1;
    comparison.lost += before && !after ? 1 : 0;
    comparison.gained += after && !before ? 1 : 0;
  }
  comparison.mcnemar = math::mcnemar_exact(comparison.lost, comparison.gained);
  return comparison;
}

}  // namespace uncurl::eval
