// Result files that tests begin with and break: small, made by hand.
#pragma once

#include "uncurl/base/json.h"
#include "uncurl/report/sweep_file.h"

namespace uncurl::report::test {

inline Json estimate(double value, double half) {
  return {{"value", value}, {"low", value - half}, {"high", value + half}};
}

/// A method at a count, with its KL on one task.
inline Json point(const char* method, int experts, double kl) {
  return {{"method", method},
          {"experts", experts},
          {"parameters", 1000 * experts},
          {"results", Json::array({{{"task", "math"}, {"kl", estimate(kl, 0.02)}}})}};
}

/// The least that a sweep must have.
inline Json least_sweep() { return {{"kind", "sweep"}, {"version", 1}, {"model", {{"name", "tiny"}}}}; }

/// Two methods at two counts on one task.
inline Json small_sweep() {
  Json file = least_sweep();
  file["model"]["experts"] = 8;
  file["tasks"] = Json::array({{{"name", "math"}}});
  file["points"] =
      Json::array({point("reap", 6, 0.1), point("reap", 4, 0.2), point("uncurl", 6, 0.3), point("uncurl", 4, 0.9)});
  return file;
}

inline Study study_of(const Json& file) { return read_sweep(JsonObject(file, "sweep.json")); }

}  // namespace uncurl::report::test
