// uncurl prune: all stations, from a checkpoint and task data to a verified smaller checkpoint.
#include "cli/budget.h"
#include "cli/commands.h"
#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/prune/write.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, out, stats;
  bool overwrite = false, sequential = false;
  DataOptions data;
  ComputeOptions compute;
  CountOptions count;
  BudgetOptions budget;
  PlanOptions plan;
};

/// Refuses now what would fail after observing.
std::filesystem::path check_stats_path(const Options& options, const prune::OutputFolder& output,
                                       const model::Model& model) {
  std::filesystem::path path = options.stats;
  if (options.stats.empty()) (path = output.target()) += ".stats.safetensors";
  output.expect_outside(path);
  prune::check_output_place(path, model.folder());
  return path;
}

/// The experts of a layer: as asked for, or the most that a budget gives to each on average.
std::int64_t check_count(const Options& options, const model::Model& model) {
  if (!options.budget.total) {
    return prune::resolve_count(model.config, options.count.experts, options.count.keep, {});
  }
  if (options.sequential) {
    throw UsageError(
        "--sequential plans each layer before the next is observed, but --budget compares all layers; leave one of the "
        "two out");
  }
  return check_budget(model, options.budget, options.plan);
}

/// What a plan like this asks for: the rows' statistics that it looks at, and the room that its checkpoint takes.
struct Needs {
  DataOptions data;
  std::uint64_t checkpoint_bytes = 0;
};

/// The same for the plan.
Needs check_plan_options(const Options& options, const model::Model& model) {
  const std::int64_t count = check_count(options, model);
  std::vector<std::int64_t> experts(model.config.layers.size(), 0);
  const prune::PlanRequest request = make_request(options.plan, {});
  const std::vector<prune::LayerChoice> choices = prune::check_request(model.config, count, request);
  if (options.sequential) prune::check_sequential(choices, request);
  if (request.router) prune::check_can_be_written(prune::find_router_rule(*request.router));
  for (const prune::LayerChoice& choice : choices) experts[static_cast<std::size_t>(choice.layer)] = choice.count;
  Needs needs{options.data, prune::num_bytes(prune::tensors_after(model, experts))};
  const bool needs_inputs = options.budget.total || prune::needs_inputs(choices);
  if (needs_inputs) needs.data.keep_inputs = needs.data.keep_inputs.value_or(prune::kDefaultInputTokens);
  check(!needs_inputs || *needs.data.keep_inputs > 0, "--keep-inputs 0 keeps no inputs, but ",
        options.budget.total ? "--budget predicts errors from them" : "a method of this plan looks at them",
        "; leave it out or give a number");
  return needs;
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.compute.threads);
  const model::Model model = open_to_prune(options.model, terminal);
  check_effects(options.plan, model.config);
  prune::OutputFolder output(options.out, model.folder(), options.overwrite);
  const std::filesystem::path stats_path = check_stats_path(options, output, model);
  const Needs needs = check_plan_options(options, model);
  const ObservePlace place{.out = stats_path,
                           .existing = {.reuse = true, .replace = options.overwrite},
                           .checkpoint = {output.partial(), needs.checkpoint_bytes}};
  check_space(output.target(), needs.checkpoint_bytes);

  std::optional<prune::SequentialRequest> sequential;
  if (options.sequential) {
    sequential = {prune::resolve_count(model.config, options.count.experts, options.count.keep, {}),
                  make_request(options.plan, {})};
  }
  const prune::RoutingStats stats = observe_to(place, model, needs.data, options.compute, sequential, terminal);
  const prune::Plan plan =
      options.budget.total
          ? plan_budget(model, stats, stats_path, output.target(), options.budget, options.plan, terminal)
          : make_plan(model, stats, stats_path, output.target(), options.count, options.plan, terminal);
  build_checkpoint(model, plan, stats, output, terminal);
}

}  // namespace

void add_prune(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("prune", "Observe, plan, apply and verify in one command");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command->add_option("-o,--output", options->out, "folder of the smaller checkpoint")->required();
  command->add_option("--stats", options->stats, "where the statistics are kept; default: OUTPUT.stats.safetensors");
  command->add_flag("--overwrite", options->overwrite, "replace an existing output folder and its statistics");
  command->add_flag("--sequential", options->sequential,
                    "observe each layer after pruning those before it; takes twice the time");
  add_data_options(*command, options->data);
  add_count_options(*command, options->count);
  add_budget_option(*command, options->budget);
  add_plan_options(*command, options->plan);
  add_compute_options(*command, options->compute);
  command->footer(
      "Examples:\n"
      "  uncurl prune Qwen3-30B-A3B --task gsm8k --experts 64 -o Qwen3-math-64\n"
      "  uncurl prune OLMoE-1B-7B --task my.jsonl --keep 0.5 --method reap --compensate -o OLMoE-half\n"
      "  uncurl prune OLMoE-1B-7B --task my.jsonl --budget 512 -o OLMoE-512");
  command->callback([options, command, &terminal] {
    options->budget.names_method = command->count("--method") > 0;
    run(*options, terminal);
  });
}

}  // namespace uncurl::cli
