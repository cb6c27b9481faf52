#include "cli/stations.h"

#include <chrono>

#include "uncurl/base/error.h"
#include "uncurl/base/file_lock.h"
#include "uncurl/base/hash.h"
#include "uncurl/prune/coverage.h"
#include "uncurl/prune/observe.h"
#include "uncurl/prune/pruneable.h"
#include "uncurl/prune/result_file.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/prune/write.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

std::int64_t num_tokens(const std::vector<text::TokenRow>& rows) {
  std::int64_t sum = 0;
  for (const text::TokenRow& row : rows) sum += static_cast<std::int64_t>(row.ids.size());
  return sum;
}

std::int64_t num_tokens(const std::vector<text::SampledSource>& sources) {
  std::int64_t sum = 0;
  for (const text::SampledSource& source : sources) sum += num_tokens(source.observed) + num_tokens(source.held_out);
  return sum;
}

void print_sources(const std::vector<text::SampledSource>& sources, Terminal& terminal) {
  const auto any = [&](std::int64_t text::SampledSource::*count) {
    return std::any_of(sources.begin(), sources.end(), [&](const text::SampledSource& s) { return s.*count > 0; });
  };
  const bool any_short = any(&text::SampledSource::num_too_short);
  const bool any_twice = any(&text::SampledSource::num_also_held_out);
  std::vector<std::vector<std::string>> rows = {
      {"source", "records", "rows", "tokens", "longest", "cut", "held-out rows", "held-out tokens"}};
  if (any_short) rows[0].push_back("too short");
  if (any_twice) rows[0].push_back("also held out");
  const auto count = [](std::size_t n) { return count_text(static_cast<std::int64_t>(n)); };
  for (const text::SampledSource& source : sources) {
    rows.push_back({source.name, count_text(source.num_records), count(source.observed.size()),
                    count_text(num_tokens(source.observed)), count_text(source.longest_tokens),
                    count_text(source.num_cut), count(source.held_out.size()),
                    count_text(num_tokens(source.held_out))});
    if (any_short) rows.back().push_back(count_text(source.num_too_short));
    if (any_twice) rows.back().push_back(count_text(source.num_also_held_out));
  }
  terminal.say("\n" + table(rows) + "\n");
}

void print_coverage(const prune::RoutingStats& stats, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {
      {"layer", "never used", "hardly used", "selections by the top quarter"}};
  for (const prune::LayerCoverage& layer : prune::expert_coverage(stats)) {
    rows.push_back({std::to_string(layer.layer), std::to_string(layer.never_used.size()),
                    std::to_string(layer.hardly_used.size()), number_text(100 * layer.share_of_top_quarter, 0) + "%"});
  }
  terminal.say(table(rows) + "\n");
}

/// One line where dropping experts would have lost less than the merge that was asked for.
void compare_with_dropping(const prune::Plan& plan, const model::LayerStream& original,
                           const prune::RoutingStats& stats, const std::vector<prune::Quality>& merged,
                           Terminal& terminal) {
  const bool merges = std::any_of(plan.layers.begin(), plan.layers.end(), [](const prune::LayerPlan& layer) {
    return std::any_of(layer.groups.begin(), layer.groups.end(), [](const auto& group) { return !group.is_single(); });
  });
  const bool must_be_trained = std::any_of(plan.layers.begin(), plan.layers.end(), [](const prune::LayerPlan& layer) {
    return layer.router == "reinit";  // its KL means nothing yet
  });
  // Of a sequential run only the first layer's statistics are the model's own: dropping would be planned from the wrong
  // ones.
  const bool sequential = stats.provenance.contains("sequential");
  if (!merges || must_be_trained || merged.empty() || plan.allow_mixed_counts || sequential) return;
  const std::int64_t count = plan.layers.front().num_experts();
  prune::PlanRequest request{.method = "reap"};
  request.weights = plan.weights;
  const prune::Plan dropping = prune::make_plan(original.model(), stats, count, request, {});
  const std::vector<prune::Quality> dropped =
      prune::measure_plan(original, dropping, prune::mix_all(stats, request.weights), stats, terminal.listener());
  const double kl_dropped = dropped.back().kl.mean, kl_merged = merged.back().kl.mean;
  if (kl_dropped < kl_merged) {
    terminal.say(concat("Dropping would lose less here: --method reap at ", count, " experts has KL ",
                        number_text(kl_dropped, 4), " instead of ", number_text(kl_merged, 4), "."));
  }
}

fs::path with_ending(fs::path path, const char* ending) { return path += ending; }

/// Statistics that are there and serve this request as they are. @throws Error if there are others, unless those may be
/// replaced
std::optional<prune::RoutingStats> earlier_stats(const ObservePlace& place, const model::Model& model,
                                                 const Compute& compute,
                                                 const std::vector<text::SampledSource>& sources,
                                                 const prune::ObserveOptions& options) {
  if (!fs::exists(place.out)) return std::nullopt;
  std::string reason = "are of another observation (other model, rows or options)";
  if (place.existing.reuse) {
    try {
      prune::RoutingStats stats = prune::read_stats(place.out, model.config);
      if (stats.request == prune::request_of(model, compute, sources, options)) return stats;
    } catch (const Error& error) {
      reason = concat("cannot be used (", error.what(), ")");
    }
  }
  check(place.existing.replace, place.out.string(), ": exists, and the statistics in it ", reason,
        "; pass --overwrite to replace it, or choose another name");
  return std::nullopt;
}

/// While the layers run, state and statistics share the disk; the checkpoint comes when the state is gone.
void check_space_of_run(const ObservePlace& place, const fs::path& state, const model::ModelConfig& config,
                        const prune::StatsSize& size, at::ScalarType dtype) {
  const SpaceNeed stats{place.out, static_cast<std::uint64_t>(prune::stats_bytes(config, size, dtype))};
  check_space({{state, prune::bytes_to_come(state, config, size, dtype)}, stats});
  if (place.checkpoint.num_bytes > 0) check_space({stats, place.checkpoint});
}

void say_what_is_kept(const fs::path& out, const prune::ObserveOptions& options, const model::ModelConfig& config,
                      const prune::StatsSize& size, at::ScalarType dtype, Terminal& terminal) {
  const auto state = static_cast<double>(prune::state_bytes(config, size, dtype));
  terminal.say(concat("observing ", count_text(size.num_tokens), " tokens in ", dtype == at::kFloat ? "f32" : "bf16",
                      "; a run that is stopped resumes from ", options.state.string(), " (up to ", bytes_text(state),
                      ")"));
  if (options.input_tokens == 0) return;
  prune::StatsSize without = size;
  without.input_tokens = 0;
  const std::int64_t inputs = prune::stats_bytes(config, size, dtype) - prune::stats_bytes(config, without, dtype);
  terminal.say(concat("keeping   the inputs of ", count_text(options.input_tokens), " tokens in ",
                      config.moe_layers().size(), " layers: up to ", bytes_text(static_cast<double>(inputs)),
                      " of memory and of ", out.string()));
}

}  // namespace

Compute compute_of(const prune::RoutingStats& stats) {
  const std::string dtype = JsonObject(stats.provenance, "the statistics").string("dtype");
  check(dtype == "Float" || dtype == "BFloat16", "the statistics were observed in ", dtype,
        ", which this version does not compute in; observe again");
  return {.dtype = dtype == "Float" ? at::kFloat : at::kBFloat16};
}

std::string relative_path(const fs::path& file, const fs::path& folder) {
  const fs::path relative =
      fs::absolute(file).lexically_normal().lexically_relative(fs::absolute(folder).lexically_normal());
  return relative.empty() ? fs::absolute(file).string() : relative.string();
}

model::Model open(const fs::path& folder, Terminal& terminal, model::Purpose purpose) {
  model::Model model = model::open_model(folder, purpose);
  const model::ModelConfig& config = model.config;
  terminal.say(concat("model     ", folder.string(), ": ", config.model_type, ", ",
                      count_text(model.checkpoint.num_parameters()), " parameters, ", config.moe_layers().size(),
                      " of ", config.num_layers(), " layers with ", config.num_experts, " experts, top-",
                      config.routing.top_k, ", ", model::expert_dtype(model)));
  for (const std::string& note : model.notes) terminal.warning(note);
  return model;
}

model::Model open_to_prune(const fs::path& folder, Terminal& terminal) {
  model::Model model = open(folder, terminal);
  prune::check_pruneable(model);
  return model;
}

prune::RoutingStats observe_to(const ObservePlace& place, const model::Model& model, DataOptions data,
                               const ComputeOptions& compute_options,
                               const std::optional<prune::SequentialRequest>& sequential, Terminal& terminal) {
  const fs::path& out = place.out;
  const FileLock lock(with_ending(out, ".lock"));
  lock.expect_held(out.string());
  const Compute compute = make_compute(compute_options, model);
  fit_rows_(data, model, terminal.listener());
  const std::vector<text::SampledSource> sources = read_rows(data, model, terminal.listener());
  prune::ObserveOptions options{.input_tokens = data.keep_inputs.value_or(0),
                                .provenance = provenance(data, model),
                                .state = with_ending(out, ".state"),
                                .save_seconds = data.save_seconds};
  options.sample_tokens = std::max(options.sample_tokens, options.input_tokens);  // their logits are kept, too
  if (sequential) prune::describe_sequential_(options, *sequential);
  if (std::optional<prune::RoutingStats> stats = earlier_stats(place, model, compute, sources, options)) {
    prune::discard_state(options.state);
    terminal.say("observed  before: " + out.string());
    check_space(place.checkpoint.path, place.checkpoint.num_bytes);
    print_sources(sources, terminal);
    print_coverage(*stats, terminal);
    return std::move(*stats);
  }
  const std::int64_t tokens = num_tokens(sources);
  const prune::StatsSize size{static_cast<std::int64_t>(sources.size()), tokens, options.sample_tokens,
                              options.input_tokens};
  check_space_of_run(place, options.state, model.config, size, compute.dtype);
  say_what_is_kept(out, options, model.config, size, compute.dtype, terminal);
  const Clock::time_point begin = Clock::now();
  const Listener listener = terminal.listener();
  prune::RoutingStats stats = sequential
                                  ? prune::observe_sequentially(model, compute, sources, options, *sequential, listener)
                                  : prune::observe(model, compute, sources, options, listener);
  prune::write_stats(out, stats);
  prune::discard_state(options.state);
  const double seconds = seconds_since(begin);
  terminal.say(concat("observed  ", count_text(tokens), " tokens in ", seconds_text(seconds), " (",
                      count_text(static_cast<std::int64_t>(static_cast<double>(tokens) / seconds)), " tokens/s) -> ",
                      out.string(), " (", bytes_text(static_cast<double>(fs::file_size(out))), ")"));
  print_sources(sources, terminal);
  print_coverage(stats, terminal);
  return stats;
}

prune::Plan make_plan(const model::Model& model, const prune::RoutingStats& stats, const fs::path& stats_path,
                      const fs::path& plan_folder, const CountOptions& count, const PlanOptions& options,
                      Terminal& terminal) {
  expect_observed_on(model, stats, stats_path.string());
  const Listener listener = terminal.listener();
  const prune::PlanRequest request = make_request(options, listener);
  const std::int64_t after = prune::resolve_count(model.config, count.experts, count.keep, listener);
  prune::Plan plan = prune::make_plan(model, stats, after, request, listener);
  plan.stats_path = relative_path(stats_path, plan_folder);
  plan.stats_hash = file_hash(stats_path);
  return plan;
}

void build_checkpoint(const model::Model& model, const prune::Plan& plan, const prune::RoutingStats& stats,
                      prune::OutputFolder& output, Terminal& terminal) {
  const Compute compute = compute_of(stats);
  const Listener listener = terminal.listener();
  prune::check_plan(plan, model.config);
  const std::vector<prune::LayerSummary> layers =
      with_context("the weights in the plan", [&] { return prune::mix_all(stats, plan.weights); });
  const Clock::time_point begin = Clock::now();
  const prune::TensorHashes hashes = prune::write_checkpoint(model, plan, layers, output.partial(), listener);
  const double write_seconds = seconds_since(begin);
  const prune::Verification verified = prune::verify_checkpoint(model, plan, output.partial(), listener, &hashes);
  terminal.say(concat("verified  ", count_text(verified.num_tensors), " tensors, ", count_text(verified.num_copied),
                      " of them copied byte for byte; ", count_text(verified.parameters_before), " -> ",
                      count_text(verified.parameters_after), " parameters, ",
                      bytes_text(static_cast<double>(verified.bytes_before)), " -> ",
                      bytes_text(static_cast<double>(verified.bytes_after))));

  const model::LayerStream original(model, compute);
  const model::Model pruned_model = model::open_model(output.partial());
  const Clock::time_point measure_begin = Clock::now();
  const std::vector<prune::Quality> qualities =
      prune::measure_checkpoint(original, model::LayerStream(pruned_model, compute), stats, listener);
  prune::write_result(output.partial(), model.config, plan, verified, qualities, UNCURL_VERSION,
                      prune::ResultSeconds{.write = write_seconds, .measure = seconds_since(measure_begin)});
  prune::write_plan(output.partial() / "plan.json", plan);
  output.commit();
  print_quality(qualities, terminal);
  terminal.say("wrote     " + output.target().string());
  try {
    compare_with_dropping(plan, original, stats, qualities, terminal);
  } catch (const Interrupted&) {
    throw InterruptedAfter("interrupted while dropping was tried for comparison; " + output.target().string() +
                           " is complete");
  } catch (const std::exception& error) {
    terminal.warning(concat("dropping could not be tried for comparison: ", error.what(), "; ",
                            output.target().string(), " is complete"));
  }
}

void print_quality(const std::vector<prune::Quality>& qualities, Terminal& terminal) {
  if (qualities.empty()) {
    terminal.say("no held-out rows: nothing was measured");
    return;
  }
  std::vector<std::vector<std::string>> rows = {
      {"held-out", "tokens", "perplexity original", "perplexity pruned", "KL(original || pruned)", "same top-1"}};
  for (const prune::Quality& quality : qualities) {
    rows.push_back({quality.source, count_text(quality.num_tokens),
                    estimate_text(prune::perplexity(quality.loss_original), 2),
                    estimate_text(prune::perplexity(quality.loss_pruned), 2), estimate_text(quality.kl, 4),
                    estimate_text(quality.agreement, 3)});
  }
  terminal.say("\n" + table(rows) + "\n(in brackets: 95% interval over rows)\n");
}

void expect_same_model(const model::Model& model, const std::string& fingerprint, const std::string& what) {
  check(model.checkpoint.fingerprint() == fingerprint, what, ": is of another checkpoint than ",
        model.folder().string(), " (the fingerprints differ); observe this one first");
}

void expect_observed_on(const model::Model& model, const prune::RoutingStats& stats, const std::string& what) {
  const JsonObject provenance(stats.provenance, what);
  expect_same_model(model, provenance.string("model_fingerprint"), what);
  const std::string observed_with = provenance.string("tokenizer", ""), now = text::encoding_hash(model.folder());
  check(observed_with.empty() || now.empty() || observed_with == now, what,
        ": was observed with another tokenizer than ", model.folder().string(),
        " has now, so its rows were other tokens; put the tokenizer back, or observe again");
}

}  // namespace uncurl::cli
