// uncurl prune: all stations, from a checkpoint and task data to a verified smaller checkpoint.
#include "cli/commands.h"
#include "cli/stations.h"
#include "uncurl/prune/output_folder.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, out, stats;
  bool overwrite = false;
  DataOptions data;
  ComputeOptions compute;
  CountOptions count;
  PlanOptions plan;
};

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.compute);
  const std::filesystem::path stats_path = options.stats.empty() ? options.out + ".stats.safetensors" : options.stats;
  const model::Model model = open(options.model, terminal);
  make_request(options.plan, {});
  prune::resolve_count(model.config, options.count.experts, options.count.keep, {});  // refuse now, not after observing
  prune::OutputFolder(options.out, model.folder(), options.overwrite);
  prune::check_output_file(stats_path, options.overwrite);

  const prune::RoutingStats stats = observe_to(stats_path, model, options.data, options.compute, terminal);
  const prune::Plan plan = make_plan(model, stats, stats_path, options.out, options.count, options.plan, terminal);
  build_checkpoint(model, plan, stats, options.out, options.overwrite, options.compute, terminal);
}

}  // namespace

void add_prune(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("prune", "Observe, plan, apply and verify in one command");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command->add_option("-o,--output", options->out, "folder of the smaller checkpoint")->required();
  command->add_option("--stats", options->stats, "where the statistics are kept; default: OUTPUT.stats.safetensors");
  command->add_flag("--overwrite", options->overwrite, "replace an existing output folder and its statistics");
  add_data_options(*command, options->data);
  add_count_options(*command, options->count);
  add_plan_options(*command, options->plan);
  add_compute_options(*command, options->compute);
  command->footer(
      "Examples:\n"
      "  uncurl prune Qwen3-30B-A3B --task gsm8k --experts 64 -o Qwen3-math-64\n"
      "  uncurl prune OLMoE-1B-7B --task my.jsonl --keep 0.5 --method reap --compensate -o OLMoE-half");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
