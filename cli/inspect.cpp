// uncurl inspect: station 1, and what the rest would cost.
#include "cli/commands.h"
#include "cli/stations.h"

namespace uncurl::cli {

void add_inspect(CLI::App& app, Terminal& terminal) {
  const auto folder = std::make_shared<std::string>();
  CLI::App* const command =
      app.add_subcommand("inspect", "What a checkpoint is, and what pruning it would save and cost");
  command->add_option("model", *folder, "folder of a Hugging Face checkpoint")->required();
  command->callback([folder, &terminal] { open(*folder, terminal); });
}

}  // namespace uncurl::cli
