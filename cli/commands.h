// One function per command: it adds the subcommand with its options and says what running it does.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/terminal.h"

namespace uncurl::cli {

void add_inspect(CLI::App& app, Terminal& terminal);
void add_observe(CLI::App& app, Terminal& terminal);
void add_plan(CLI::App& app, Terminal& terminal);
void add_apply(CLI::App& app, Terminal& terminal);
void add_prune(CLI::App& app, Terminal& terminal);
void add_report(CLI::App& app, Terminal& terminal);
void add_eval(CLI::App& app, Terminal& terminal);
void add_train(CLI::App& app, Terminal& terminal);
void add_study(CLI::App& app, Terminal& terminal);
/// @param command_line  as it was typed, for the result
void add_sweep(CLI::App& app, const std::string& command_line, Terminal& terminal);
void add_methods(CLI::App& app, Terminal& terminal);
void add_families(CLI::App& app, Terminal& terminal);

}  // namespace uncurl::cli
