// The tables of `uncurl study`: what it will cost, and what came of it.
#pragma once

#include "cli/terminal.h"
#include "uncurl/study/protocol/cost.h"
#include "uncurl/study/protocol/results.h"

namespace uncurl::cli {

/// The stages of each kind together: how many, how many are done, tokens, operations, time.
void print_costs(const std::vector<study::Stage>& stages, const std::vector<study::StageCost>& costs,
                 Terminal& terminal);

/// The tables of the paper, as far as stages are finished.
void print_results(const study::StudyConfig& config, const study::StudyResults& results, Terminal& terminal);

}  // namespace uncurl::cli
