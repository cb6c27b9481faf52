// eval.json (docs/formats.md) as a Study: a model measured against an original is a study of one point, named like the
// model; one measured alone is the original.
#pragma once

#include "uncurl/base/json.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

/// @throws Error naming the file and the key of what is malformed
Study read_eval(const JsonObject& file);

}  // namespace uncurl::report
