// uncurl inspect: station 1, and what the rest would save and cost.
#include <ATen/Parallel.h>

#include "cli/commands.h"
#include "cli/stations.h"
#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/base/machine.h"
#include "uncurl/prune/estimate.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model;
  CountOptions count;
  ComputeOptions compute;
  text::SampleOptions sample;
  std::int64_t row_tokens = 512;
  std::int64_t keep_inputs = 0;
};

std::string routing_text(const nn::RoutingRule& rule) {
  std::vector<std::string> parts = {concat("top-", rule.top_k)};
  parts.push_back(rule.score == nn::ScoreFunction::kSoftmax ? "softmax over all experts" : "sigmoid of each expert");
  parts.push_back(rule.renormalize ? "gates renormalised"
                                   : "gates not renormalised: dropping experts raises the others'");
  if (rule.num_groups > 1)
    parts.push_back(concat("chosen among ", rule.top_groups, " of ", rule.num_groups, " groups"));
  return join(parts);
}

void print_model(const model::Model& model, Terminal& terminal) {
  const model::ModelConfig& config = model.config;
  terminal.say(concat("          hidden ", config.hidden_size, ", ", config.num_heads, " heads (", config.num_kv_heads,
                      " key-value) of ", config.head_dim, ", expert width ", config.expert_width,
                      config.shared_width > 0 ? concat(", shared expert width ", config.shared_width) : "",
                      ", vocabulary ", count_text(config.vocab_size)));
  terminal.say("routing   " + routing_text(config.routing));
  std::vector<std::string> counts;
  for (const std::int64_t layer : config.moe_layers()) {
    const std::int64_t experts = config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (experts != config.num_experts) counts.push_back(concat(layer, ":", experts));
  }
  if (!counts.empty()) terminal.say("          layers with another number of experts: " + join(counts, " "));
}

/// The counts worth a line: what the user asked for, else three quarters, a half and a quarter of the experts.
std::vector<std::int64_t> counts_to_show(const model::ModelConfig& config, const CountOptions& count,
                                         const Listener& listener) {
  if (count.experts || count.keep) return {prune::resolve_count(config, count.experts, count.keep, listener)};
  std::vector<std::int64_t> counts;
  for (const std::int64_t quarters : {3, 2, 1}) {
    const std::int64_t experts = config.num_experts * quarters / 4;
    if (experts >= config.routing.top_k && experts > 0) counts.push_back(experts);
  }
  return counts;
}

void print_machine(const MachineLimits& limits, Terminal& terminal) {
  const bool is_limited = limits.memory_source != "/proc/meminfo";
  terminal.say(
      concat("machine   ", at::get_num_threads(), " threads",
             limits.cpu_source != "affinity" ? concat(" (", limits.cpu_source, " allows ", limits.num_cpus, ")") : "",
             ", ", bytes_text(static_cast<double>(limits.available_bytes)), " of memory available",
             is_limited ? concat(" (limited by ", limits.memory_source, ")") : ""));
}

/// Of one source: statistics, and the state that is there until they are written.
double disk_to_observe(const model::Model& model, const Compute& compute, const prune::Workload& work) {
  const prune::StatsSize size{.num_sources = 1,
                              .num_tokens = work.num_tokens,
                              .sample_tokens = prune::ObserveOptions().sample_tokens,
                              .input_tokens = work.input_tokens};
  return static_cast<double>(prune::stats_bytes(model.config, size, compute.dtype) +
                             prune::state_bytes(model.config, size, compute.dtype));
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.compute.threads);
  const model::Model model = open(options.model, terminal, model::Purpose::kInspect);
  print_model(model, terminal);
  const MachineLimits limits = machine_limits();
  print_machine(limits, terminal);
  const Compute compute = make_compute(options.compute, model);
  const std::int64_t held_out = text::held_out_cap(options.sample);
  prune::Workload work{.num_tokens = options.sample.max_tokens + held_out,
                       .held_out_tokens = held_out,
                       .row_tokens = options.row_tokens,
                       .input_tokens = options.keep_inputs,
                       .threads = at::get_num_threads()};
  const prune::MachineSpeed speed = prune::measure_speed(model.config, compute, work.threads);
  const prune::Cost observe = prune::estimate_observe(model, compute, work, speed);

  const auto share = [](double part, double whole) { return number_text(100 * part / whole, 0) + "%"; };
  const prune::ModelSize full = prune::model_size(model, model.config.num_experts);
  std::vector<std::vector<std::string>> rows = {
      {"experts", "parameters", "of all", "active", "weights", "build: dropping", "merging", "memory"}};
  const auto add = [&](std::int64_t experts) {
    const prune::ModelSize size = prune::model_size(model, experts);
    std::vector<std::string> row = {std::to_string(experts), count_text(size.parameters),
                                    share(static_cast<double>(size.parameters), static_cast<double>(full.parameters)),
                                    count_text(size.active_parameters), bytes_text(size.bytes)};
    if (experts < model.config.num_experts) {
      const prune::Cost drop = prune::estimate_build(model, compute, work, speed, experts, /*merging=*/false);
      const prune::Cost merge = prune::estimate_build(model, compute, work, speed, experts, /*merging=*/true);
      row.insert(row.end(), {seconds_text(drop.seconds), seconds_text(merge.seconds), bytes_text(merge.peak_bytes)});
    }
    rows.push_back(std::move(row));
  };
  add(model.config.num_experts);
  for (const std::int64_t experts : counts_to_show(model.config, options.count, terminal.listener())) add(experts);
  terminal.say("\n" + table(rows));
  terminal.say(concat("\nobserving ", count_text(options.sample.max_tokens), " tokens of the task, ",
                      count_text(held_out), " more held out, in ", compute.dtype == at::kFloat ? "f32" : "bf16", " on ",
                      work.threads, " threads: about ", seconds_text(observe.seconds), ", ",
                      bytes_text(observe.peak_bytes), " of memory, ", bytes_text(disk_to_observe(model, compute, work)),
                      " of disk for statistics and what a stopped run resumes from"));
  if (observe.peak_bytes > static_cast<double>(limits.available_bytes)) {
    terminal.listener().warning(
        concat("that is more than the ", bytes_text(static_cast<double>(limits.available_bytes)),
               " available here; observe fewer tokens (--max-tokens), or use a larger machine"));
  }
}

}  // namespace

void add_inspect(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("inspect", "What a checkpoint is, and what pruning it would save and cost");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  add_count_options(*command, options->count);
  command->add_option("--max-tokens", options->sample.max_tokens, "tokens to observe")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--row-tokens", options->row_tokens, "length of a typical row")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--keep-inputs", options->keep_inputs, "as of observe; takes memory")
      ->check(CLI::NonNegativeNumber);
  add_compute_options(*command, options->compute);
  command->footer(
      "Examples:\n  uncurl inspect Qwen3-30B-A3B\n  uncurl inspect Mixtral-8x7B --experts 6 --max-tokens 20000");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
