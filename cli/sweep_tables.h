// The tables of `uncurl sweep` on the terminal.
#pragma once

#include "cli/terminal.h"
#include "uncurl/study/sweep/sweep_file.h"

namespace uncurl::cli {

void print_sweep(const prune::RoutingStats& stats, const study::SweepRequest& request,
                 const std::vector<study::Point>& points, const study::Findings& findings, Terminal& terminal);

}  // namespace uncurl::cli
