// result.json of a pruned checkpoint: what it has become and what that cost. docs/formats.md describes every key.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/prune/plan.h"
#include "uncurl/prune/quality.h"
#include "uncurl/prune/verify.h"

namespace uncurl::prune {

struct ResultSeconds {
  double write = 0, measure = 0;
};

/// Writes result.json into the folder of the checkpoint.
/// @param original  the config of the model that was pruned
/// @param program   version of the program
/// @param seconds   absent where equal work must give equal files, as in the stages of a study
void write_result(const std::filesystem::path& folder, const model::ModelConfig& original, const Plan& plan,
                  const Verification& verified, const std::vector<Quality>& held_out, const std::string& program,
                  const std::optional<ResultSeconds>& seconds);

}  // namespace uncurl::prune
