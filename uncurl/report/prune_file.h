// result.json of a checkpoint that `prune` or `apply` wrote, with the plan.json beside it, as a Study of one point; the
// checkpoints made from one original become one Study.
#pragma once

#include <filesystem>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

/// @param folder  of the file: its plan.json, if there, tells the groups
/// @throws Error naming the file and the key of what is malformed
Study read_prune(const JsonObject& file, const std::filesystem::path& folder);

/// Appends the points of `other`, if both started from the same model and measured it on the same rows.
/// @return false, and nothing changed, if not
bool absorb(Study& study, const Study& other);

}  // namespace uncurl::report
