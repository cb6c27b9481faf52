// The report: one HTML page with everything in it, so that it can be mailed, kept and printed.
#pragma once

#include <string>
#include <vector>

#include "uncurl/report/study.h"

namespace uncurl::report {

/// A complete document of about 1 MB (the chart library) and the data. It asks nothing of the network. The same studies
/// give the same bytes.
std::string page(const std::vector<Study>& studies);

}  // namespace uncurl::report
