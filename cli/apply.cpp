// uncurl apply: stations 6 to 8.
#include "cli/commands.h"
#include "cli/stations.h"
#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, plan, stats, out;
  bool overwrite = false;
  int threads = 0;
};

/// By --stats, or by the path in the plan; the hash in the plan decides whether it is the right file.
std::filesystem::path find_stats(const Options& options, const prune::Plan& plan) {
  const std::filesystem::path beside = std::filesystem::absolute(options.plan).parent_path() / plan.stats_path;
  const std::filesystem::path path =
      options.stats.empty() ? beside.lexically_normal() : std::filesystem::path(options.stats);
  check(std::filesystem::exists(path), path.string(),
        ": the statistics of the plan are not there; name them with --stats");
  check(
      file_hash(path) == plan.stats_hash, path.string(),
      ": these are not the statistics the plan was made from (the hashes differ); name the right file with --stats, or "
      "plan again");
  return path;
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.threads);
  prune::Plan plan = prune::read_plan(options.plan);
  const model::Model model = open_to_prune(options.model, terminal);
  with_context(options.plan, [&] {
    prune::check_plan(plan, model.config);
    expect_same_model(model, plan.model_fingerprint, "the plan");
  });
  const std::filesystem::path stats_path = find_stats(options, plan);
  prune::OutputFolder output(options.out, model.folder(), options.overwrite);
  output.expect_outside(stats_path);
  const prune::RoutingStats stats = prune::read_stats(stats_path, model.config);
  plan.stats_path = relative_path(stats_path, options.out);
  build_checkpoint(model, plan, stats, output, terminal);
}

}  // namespace

void add_apply(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("apply", "From a plan to a verified checkpoint");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command->add_option("plan", options->plan, "plan of `uncurl plan`, edited or not")->required();
  command->add_option("-o,--output", options->out, "folder of the smaller checkpoint")->required();
  command->add_option("--stats", options->stats, "statistics file, if it is not where the plan says");
  command->add_flag("--overwrite", options->overwrite, "replace an existing output folder");
  add_threads_option(*command, options->threads);
  command->footer("Example:\n  uncurl apply MODEL plan.json -o MODEL-64");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
