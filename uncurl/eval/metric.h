// A metric is a function of units (rows, or groups of rows judged together). Units that were sampled together, like the
// questions on one passage, are a cluster: intervals and tests of differences take clusters as what was sampled, the
// same ones for two models.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "uncurl/math/paired.h"

namespace uncurl::eval {

/// What one unit adds. Which fields count depends on the aggregate.
struct Unit {
  double value = 0;
  double weight = 1;
  std::vector<std::pair<int, int>> judged = {};  ///< label and prediction of each row of the unit
  std::size_t cluster = 0;                       ///< which one; numbered by first appearance
};

enum class Aggregate {
  kShare,       ///< mean of values that are 0 or 1; Wilson's interval, by the effective size where units are clustered
  kMean,        ///< sum of values over sum of weights; Student's interval
  kPerplexity,  ///< exp of that
  kBits,        ///< that over log 2: bits where the values are nats
  kMacroF1,     ///< mean over the labels of the F1 of each, from `judged`; bootstrap
  kYesF1        ///< F1 of label 1, from `judged`; bootstrap
};

struct Metric {
  std::string name;
  Aggregate aggregate = Aggregate::kShare;
  bool higher_is_better = true;
  std::vector<Unit> units;
  math::Estimate estimate = {};  ///< 95%; n is the number of units, of the weights where they are not 1
};

/// Fills in the estimate. @throws Error if there are no units
Metric make_metric(std::string name, Aggregate aggregate, bool higher_is_better, std::vector<Unit> units);

/// Two models on the same units.
struct MetricComparison {
  std::string name;
  math::Estimate original, other;
  math::Estimate difference;          ///< other - original; the interval is a paired bootstrap's
  std::int64_t lost = 0, gained = 0;  ///< of kShare: units right before alone, and right now alone
  double mcnemar = 1;                 ///< of kShare: the exact test's p-value; of clusters, sign_flip_exact's
  bool has_test = false;              ///< whether the metric is a kShare
};

/// @throws Error if the metrics are not of the same units
MetricComparison compare_metrics(const Metric& original, const Metric& other);

}  // namespace uncurl::eval
