// uncurl plan: stations 4 and 5.
#include "cli/budget.h"
#include "cli/commands.h"
#include "uncurl/base/error.h"
#include "uncurl/prune/check_stats.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/prune/predict.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, stats, out;
  bool overwrite = false;
  int threads = 0;
  CountOptions count;
  BudgetOptions budget;
  PlanOptions plan;
};

/// What the plan loses in each layer, where the statistics hold inputs. Nothing where a new router has to be trained.
void print_prediction(const model::Model& model, const prune::Plan& plan, const prune::RoutingStats& stats,
                      Terminal& terminal) {
  const auto must_be_trained = [](const prune::LayerPlan& layer) { return layer.router == "reinit"; };
  if (!stats.layers.front().sample_inputs.defined() ||
      std::any_of(plan.layers.begin(), plan.layers.end(), must_be_trained)) {
    return;
  }
  const model::LayerStream original(model, compute_of(stats));
  const std::vector<prune::LayerSummary> layers = prune::mix_all(stats, plan.weights);
  const std::vector<double> errors = prune::layer_errors(original, {plan}, layers, terminal.listener()).front();
  std::vector<std::vector<std::string>> rows = {{"layer", "experts", "predicted error"}};
  for (std::size_t i = 0; i < errors.size(); ++i) {
    rows.push_back({std::to_string(plan.layers[i].layer), std::to_string(plan.layers[i].num_experts()),
                    number_text(errors[i], 6)});
  }
  rows.push_back({"all", "", number_text(prune::total_error(errors), 6)});
  terminal.say("\n" + table(rows) + "\n(squared error of the block's output on " +
               count_text(layers.front().sample_inputs.size(0)) +
               " inputs that were kept, relative to the output; all: the sum)\n");
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.threads);
  prune::check_output_file(options.out, options.model, options.overwrite);
  const model::Model model = open_to_prune(options.model, terminal);
  check_effects(options.plan, model.config);
  const prune::RoutingStats stats = prune::read_stats(options.stats);
  expect_same_model(model, JsonObject(stats.provenance, options.stats).string("model_fingerprint"), options.stats);
  with_context(options.stats, [&] { prune::expect_stats_fit(stats, model.config); });
  const std::filesystem::path folder = std::filesystem::absolute(options.out).parent_path();
  if (options.budget.total) check_budget(model, options.budget, options.plan);
  const prune::Plan plan =
      options.budget.total ? plan_budget(model, stats, options.stats, folder, options.budget, options.plan, terminal)
                           : make_plan(model, stats, options.stats, folder, options.count, options.plan, terminal);
  prune::write_plan(options.out, plan);
  print_prediction(model, plan, stats, terminal);
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
  add_budget_option(*command, options->budget);
  add_plan_options(*command, options->plan);
  add_threads_option(*command, options->threads);
  command->add_option("--weights", options->plan.weights, "of the sources, in their order; default: as observed")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->footer(
      "Examples:\n"
      "  uncurl plan MODEL stats.safetensors --experts 64 -o plan.json\n"
      "  uncurl plan MODEL stats.safetensors --keep 0.5 --method reap -o plan.json\n"
      "  uncurl plan MODEL stats.safetensors --experts 32 --layer-method 0:frequency --protect 3:0,17 -o plan.json\n"
      "  uncurl plan MODEL stats.safetensors --budget 1024 --method reap --allow-mixed-counts -o plan.json");
  command->callback([options, command, &terminal] {
    options->budget.names_method = command->count("--method") > 0;
    run(*options, terminal);
  });
}

}  // namespace uncurl::cli
