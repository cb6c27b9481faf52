// eval.json, and the files of single rows beside it (docs/formats.md).
#pragma once

#include <filesystem>

#include "uncurl/base/json.h"
#include "uncurl/eval/judge.h"

namespace uncurl::eval {

/// What a model is: name (of its folder), fingerprint (docs/formats.md), family, layers, moe_layers, experts, top_k,
/// parameters, active_parameters (a token meets: all but the experts that are not chosen), bytes.
Json model_json(const model::Model& model);

/// PER_TASK: one task's results. Estimates are {"value", "low", "high"}; ends without an interval are null.
Json result_json(const TaskResult& result);

Json comparison_json(const TaskResult& original, const TaskComparison& comparison);

/// A line an item: where it stands, label, prediction, log-likelihoods, tokens and loss of the right answer, score;
/// with `original` its outcome too. `only_flips`: those alone whose score changed, with their texts.
void write_items(const std::filesystem::path& path, const std::vector<PreparedTask>& tasks,
                 const std::vector<TaskResult>& results, const std::vector<TaskResult>& originals, bool only_flips);

}  // namespace uncurl::eval
