// uncurl methods, uncurl families: what there is, a line each, with its source.
#include "cli/commands.h"
#include "uncurl/base/error.h"
#include "uncurl/cluster/algorithms/table.h"
#include "uncurl/model/family.h"
#include "uncurl/prune/compare.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::cli {
namespace {

/// A name, what it is, and where it comes from below; `name_width` holds the longest name and two spaces.
template <class Row>
std::string row_text(const Row& row, std::size_t name_width) {
  const std::string name = row.name;
  return concat("  ", name, std::string(name_width - name.size(), ' '), row.description, "\n",
                std::string(name_width + 2, ' '), row.source);
}

void print_methods(Terminal& terminal) {
  terminal.say("Methods (--method):");
  for (const prune::Method& method : prune::methods()) terminal.say(row_text(method, 17));
  terminal.say("\nClusterings of methods that merge (--clustering):");
  for (const cluster::Algorithm& algorithm : cluster::algorithms()) terminal.say(row_text(algorithm, 24));
  terminal.say("\nWhat of experts is compared (--compare):");
  for (const prune::Comparison& comparison : prune::comparisons()) {
    terminal.say(concat("  ", comparison.name, std::string(24 - std::string(comparison.name).size(), ' '),
                        comparison.description));
  }
  terminal.say("\nRouter rules (--router):");
  for (const prune::RouterRule& rule : prune::router_rules()) terminal.say(row_text(rule, 17));
}

void print_families(Terminal& terminal) {
  for (const model::Family& family : model::families()) {
    terminal.say(concat(family.model_type, std::string(14 - family.model_type.size(), ' '), family.description,
                        ", e.g. ", family.example));
  }
}

}  // namespace

void add_methods(CLI::App& app, Terminal& terminal) {
  app.add_subcommand("methods", "The pruning methods, clusterings and router rules, with their sources")
      ->callback([&terminal] { print_methods(terminal); });
}

void add_families(CLI::App& app, Terminal& terminal) {
  app.add_subcommand("families", "The model families this program knows")->callback([&terminal] {
    print_families(terminal);
  });
}

}  // namespace uncurl::cli
