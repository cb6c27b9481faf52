// uncurl plan: stations 4 and 5.
#include "cli/commands.h"
#include "cli/stations.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, stats, out;
  bool overwrite = false;
  CountOptions count;
  PlanOptions plan;
};

void run(const Options& options, Terminal& terminal) {
  prune::check_output_file(options.out, options.model, options.overwrite);
  const model::Model model = open(options.model, terminal);
  const prune::RoutingStats stats = prune::read_stats(options.stats);
  const std::filesystem::path folder = std::filesystem::absolute(options.out).parent_path();
  const prune::Plan plan = make_plan(model, stats, options.stats, folder, options.count, options.plan, terminal);
  prune::write_plan(options.out, plan);
  terminal.say("wrote     " + options.out);
}

}  // namespace

void add_plan(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("plan", "From statistics to a plan: which experts stay, go or are merged");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command->add_option("stats", options->stats, "statistics file of `uncurl observe`")->required();
  command->add_option("-o,--output", options->out, "plan to write (JSON, made to be read and edited)")->required();
  command->add_flag("--overwrite", options->overwrite, "replace an existing file");
  add_count_options(*command, options->count);
  add_plan_options(*command, options->plan);
  command->add_option("--weights", options->plan.weights, "of the sources, in their order; default: as observed")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  uncurl plan MODEL stats.safetensors --experts 64 -o plan.json\n"
      "  uncurl plan MODEL stats.safetensors --keep 0.5 --method reap -o plan.json\n"
      "  uncurl plan MODEL stats.safetensors --experts 32 --layer-method 0:frequency --protect 3:0,17 -o plan.json");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
