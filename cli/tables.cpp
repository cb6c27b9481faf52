// uncurl methods, uncurl families: what there is, a line each, with its source.
#include "cli/commands.h"
#include "uncurl/base/error.h"
#include "uncurl/model/family.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::cli {
namespace {

void print_methods(Terminal& terminal) {
  terminal.say("Methods (--method):");
  for (const prune::Method& method : prune::methods()) {
    terminal.say(concat("  ", method.name, std::string(17 - std::string(method.name).size(), ' '), method.description,
                        "\n", std::string(19, ' '), method.source));
  }
  terminal.say("\nRouter rules (--router):");
  for (const prune::RouterRule& rule : prune::router_rules()) {
    terminal.say(concat("  ", rule.name, std::string(17 - std::string(rule.name).size(), ' '), rule.description, "\n",
                        std::string(19, ' '), rule.source));
  }
}

void print_families(Terminal& terminal) {
  for (const model::Family& family : model::families()) {
    terminal.say(concat(family.model_type, std::string(14 - family.model_type.size(), ' '), family.description,
                        ", e.g. ", family.example));
  }
}

}  // namespace

void add_methods(CLI::App& app, Terminal& terminal) {
  app.add_subcommand("methods", "The pruning methods and router rules, with their sources")->callback([&terminal] {
    print_methods(terminal);
  });
}

void add_families(CLI::App& app, Terminal& terminal) {
  app.add_subcommand("families", "The model families this program knows")->callback([&terminal] {
    print_families(terminal);
  });
}

}  // namespace uncurl::cli
