// sweep.json: all that a sweep found, as `report` reads it. docs/formats.md describes every key.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "uncurl/study/sweep/findings.h"

namespace uncurl::study {

/// What the file says beside what was measured.
struct SweepNotes {
  std::string uncurl, command;  ///< version, command line
  std::vector<TaskScore> original_scores;
  std::vector<std::pair<std::string, double>> seconds;  ///< by stage
};

Json sweep_json(const Evidence& evidence, const SweepRequest& request, const std::vector<Point>& points,
                const Findings& findings, const SweepNotes& notes);

/// Label of a point in tables and in keys of the file: the method, with the router where it is not the usual one, and
/// "(mixed)" where layers keep different numbers.
std::string point_label(const Point& point, const SweepRequest& request);

/// The results of a point by held-out source (short names), then all.
std::vector<prune::Quality> qualities_of(const Point& point, const prune::HeldOut& held_out);

}  // namespace uncurl::study
