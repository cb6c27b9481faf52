// Parts that sweep.json and eval.json share (docs/formats.md): the model, results by task, timings.
#pragma once

#include "uncurl/base/json.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

ModelFacts read_model(const JsonObject& object);

/// The entries of "results"; empty where the key is absent.
std::vector<TaskResult> read_results(const JsonObject& object);

/// The entries of "timings", seconds by stage; empty where the key is absent.
std::vector<std::pair<std::string, double>> read_timings(const JsonObject& file);

}  // namespace uncurl::report
