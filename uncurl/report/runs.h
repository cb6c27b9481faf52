// RUN arguments as studies: each a result file, or a folder that holds some.
#pragma once

#include <filesystem>
#include <vector>

#include "uncurl/report/study.h"

namespace uncurl::report {

/// Reads sweep.json, study.json, eval.json and result.json files; checkpoints that were pruned from one original and
/// measured on the same rows become one study. In the order given, studies of `prune` where their first stands.
/// @throws Error naming the file, and the key where one is malformed; UsageError for a folder without results
std::vector<Study> read_runs(const std::vector<std::filesystem::path>& runs);

}  // namespace uncurl::report
