// uncurl plan: stations 4 and 5.
#include "cli/commands.h"
#include "cli/stations.h"
#include "uncurl/base/error.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/prune/predict.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/study/spend.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, stats, out;
  bool overwrite = false;
  int threads = 0;
  CountOptions count;
  std::optional<std::int64_t> budget;
  bool names_method = false;
  PlanOptions plan;
};

void refuse_beside_budget(const Options& options) {
  const PlanOptions& plan = options.plan;
  if (!plan.layer_experts.empty() || !plan.layer_methods.empty()) {
    throw UsageError("--budget decides what each layer gets; it does not go with --layer-experts or --layer-method");
  }
  if (options.names_method && !plan.allow_mixed_counts) {
    throw UsageError(
        "--budget chooses the method of each layer, so --method has no effect; with --allow-mixed-counts it keeps the "
        "method and chooses counts");
  }
}

/// The counts or methods that spend the budget best, as predicted; says what they save.
prune::Plan plan_budget(const model::Model& model, const prune::RoutingStats& stats, const Options& options,
                        const std::filesystem::path& folder, Terminal& terminal) {
  refuse_beside_budget(options);
  expect_same_model(model, JsonObject(stats.provenance, "the statistics").string("model_fingerprint"), options.stats);
  const Listener listener = terminal.listener();
  const model::LayerStream original(model, compute_of(stats));
  const study::Spending spending =
      study::spend_budget(original, stats, *options.budget, make_request(options.plan, listener), listener);
  prune::Plan plan = prune::make_plan(model, stats, spending.num_experts, spending.request, listener);
  plan.stats_path = relative_path(options.stats, folder);
  plan.stats_hash = prune::file_hash(options.stats);
  std::int64_t kept = 0;
  for (const prune::LayerPlan& layer : plan.layers) kept += layer.num_experts();
  terminal.say(concat("budget    ", kept, " of ", *options.budget, " experts spent: predicted error ",
                      number_text(spending.error, 6), "; ", options.plan.method, " at one count for all layers ",
                      number_text(spending.uniform_error, 6)));
  return plan;
}

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
  const model::Model model = open(options.model, terminal);
  const prune::RoutingStats stats = prune::read_stats(options.stats);
  const std::filesystem::path folder = std::filesystem::absolute(options.out).parent_path();
  const prune::Plan plan = options.budget
                               ? plan_budget(model, stats, options, folder, terminal)
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
  command
      ->add_option("--budget", options->budget,
                   "experts of all layers together: one count, and for each layer the method of least predicted error; "
                   "with --allow-mixed-counts, --method at the counts of least error")
      ->excludes("--experts", "--keep")
      ->check(CLI::PositiveNumber);
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
    options->names_method = command->count("--method") > 0;
    run(*options, terminal);
  });
}

}  // namespace uncurl::cli
