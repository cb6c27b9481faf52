// sweep.json (docs/formats.md) as a Study.
#pragma once

#include "uncurl/base/json.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

/// @throws Error naming the file and the key of what is malformed; what is absent stays empty
Study read_sweep(const JsonObject& file);

}  // namespace uncurl::report
