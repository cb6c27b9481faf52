// study.json as a study.
#pragma once

#include "uncurl/base/json.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

/// @throws Error naming file and key of what is missing or malformed
Study read_trained(const JsonObject& file);

}  // namespace uncurl::report
