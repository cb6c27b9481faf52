// A point of a sweep: one plan, tried in memory on the held-out rows. What it was asked for, what came of it, and its
// line in points.jsonl, from which an interrupted sweep goes on. docs/formats.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/prune/plan_request.h"
#include "uncurl/prune/quality.h"

namespace uncurl::study {

struct PointRequest {
  std::string name;                   ///< of the method in tables: "reap", or "auto" where layers differ
  std::int64_t experts = 0;           ///< G; where counts are mixed, what a layer keeps on average
  prune::PlanRequest plan;            ///< everything else that decides the plan
  std::optional<std::size_t> source;  ///< pruned for this source alone; none: for all, as they are weighed
};

/// What a task file's own metric says.
struct TaskScore {
  std::string task, metric;
  math::Estimate estimate;
};

struct Point {
  std::string key;  ///< hash of what the point depends on
  std::string method, router;
  std::int64_t experts = 0;
  bool mixed = false;
  std::int64_t parameters = 0, bytes = 0;  ///< of the whole smaller model
  double predicted_speed = 0;
  std::vector<std::int64_t> experts_of_layer;         ///< by MoE layer
  std::vector<double> error_of_layer;                 ///< predicted, by MoE layer; empty without kept inputs
  std::vector<std::vector<std::vector<int>>> groups;  ///< members, by MoE layer; empty where nothing was merged
  std::vector<prune::RowSums> rows;                   ///< one for each held-out row
  std::vector<TaskScore> scores;
  double seconds = 0;

  std::optional<double> predicted_error() const;  ///< of the plan as a whole
};

/// @param evidence  hash of everything that is the same for all points: statistics, held-out rows, scored tasks
std::string point_key(const PointRequest& request, const std::string& evidence);

Json point_json(const Point& point);
/// @throws Error naming the key that is missing or of another type
Point read_point(const JsonObject& object);

}  // namespace uncurl::study
