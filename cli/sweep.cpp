// uncurl sweep: every method at every count on one observation, without writing a checkpoint.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>

#include "cli/commands.h"
#include "cli/places.h"
#include "cli/stations.h"
#include "cli/sweep_tables.h"
#include "uncurl/base/error.h"
#include "uncurl/base/file_lock.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/eval/evaluate.h"
#include "uncurl/prune/check_stats.h"
#include "uncurl/prune/estimate.h"
#include "uncurl/prune/grouping.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/prune/resume.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/prune/stats_file.h"

namespace uncurl::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, out;
  bool overwrite = false, no_cross_task = false;
  DataOptions data;
  ComputeOptions compute;
  std::vector<std::string> methods = {"all"}, routers;
  std::vector<std::int64_t> experts;
  std::int64_t limit = 500;
  study::SweepRequest request;
};

struct Files {
  fs::path stats, points, result, lock;
};

Files files_of(const fs::path& out) {
  return {out / "stats.safetensors", out / "points.jsonl", out / "sweep.json", out / "sweep.lock"};
}

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

template <class Value>
void expect_once(const std::vector<Value>& values, const char* option) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool again =
        std::find(values.begin() + static_cast<std::ptrdiff_t>(i) + 1, values.end(), values[i]) != values.end();
    if (again) throw UsageError(concat(option, " names ", values[i], " twice"));
  }
}

study::SweepRequest make_sweep_request(const Options& options) {
  study::SweepRequest request = options.request;
  request.methods = options.methods;
  if (options.methods == std::vector<std::string>{"all"}) {
    request.methods.clear();
    for (const prune::Method& method : prune::methods()) request.methods.emplace_back(method.name);
  }
  request.routers = options.routers;
  request.counts = options.experts;
  request.cross_task = !options.no_cross_task;
  expect_once(request.methods, "--methods");
  expect_once(request.routers, "--router");
  expect_once(request.counts, "--experts");
  std::sort(request.counts.rbegin(), request.counts.rend());
  bool merges = false;
  for (const std::string& method : request.methods) merges = merges || prune::find_method(method).merges;
  for (const std::string& router : request.routers) {
    if (router == "reinit") {
      throw UsageError("--router reinit: a new router must be trained before what it loses means anything");
    }
    if (!prune::find_router_rule(router).merges) throw UsageError("--router " + router + " is not for merging methods");
  }
  if (!merges && !request.routers.empty())
    throw UsageError("--router has no effect: none of the methods merges experts");
  return request;
}

/// The folder is the sweep's own: it holds nothing but its files.
void check_folder(const Options& options, const fs::path& model) {
  const fs::path out = options.out;
  check(!fs::exists(out) || fs::is_directory(out), out.string(), ": is a file; a sweep is kept in a folder");
  const Files files = files_of(out);
  fs::create_directories(out);
  for (const fs::path& file : {files.stats, files.points, files.result}) {
    prune::check_output_file(file, model, /*overwrite=*/true);
  }
}

/// Whether the statistics are what observing these rows would give.
bool is_of(const prune::RoutingStats& stats, const model::Model& model, const Options& options,
           const std::vector<text::SampledSource>& sources) {
  Json expected = provenance(options.data, model);
  expected["model_type"] = model.config.model_type;
  expected["model_fingerprint"] = model.checkpoint.fingerprint();
  expected["dtype"] = at::toString(make_compute(options.compute, model).dtype);
  expected["input_tokens"] = options.data.keep_inputs.value_or(0);
  for (const auto& [key, value] : expected.items()) {
    if (stats.provenance.value(key, Json()) != value) return false;
  }
  std::vector<std::vector<std::int32_t>> held_out;
  std::size_t s = 0;
  for (const text::SampledSource& source : sources) {
    for (const text::TokenRow& row : source.held_out) held_out.push_back(row.ids);
    if (source.observed.empty()) continue;
    if (s == stats.sources.size()) return false;
    const prune::SourceInfo& info = stats.sources[s++];
    const bool same = info.name == source.name && info.weight == source.weight &&
                      info.content_hash == source.content_hash &&
                      info.num_rows == static_cast<std::int64_t>(source.observed.size());
    if (!same) return false;
  }
  const model::PackedRows rows = model::pack_rows(held_out);
  return s == stats.sources.size() && rows.begins == stats.held_out.rows.begins &&
         at::equal(rows.ids_N, stats.held_out.rows.ids_N);
}

/// The statistics of an earlier start of this sweep; none if there was none, or if it is to be replaced.
std::optional<prune::RoutingStats> earlier_stats(const Options& options, const model::Model& model,
                                                 const std::vector<text::SampledSource>& sources) {
  const Files files = files_of(options.out);
  if (!fs::exists(files.stats)) return std::nullopt;
  std::string reason = "a sweep of another model, other rows or other options";
  std::optional<prune::RoutingStats> stats;
  try {
    stats = prune::read_stats(files.stats);
  } catch (const Error& error) {
    reason = concat("statistics that cannot be read (", error.what(), ")");
  }
  if (stats && is_of(*stats, model, options, sources)) {
    with_context(files.stats.string(), [&] { prune::expect_stats_fit(*stats, model.config); });
    return stats;
  }
  check(options.overwrite, options.out, ": holds ", reason, "; choose another folder, or --overwrite");
  fs::remove(files.points);
  fs::remove(files.result);
  return std::nullopt;
}

/// Tasks whose rows have right and wrong choices are scored as well; plain text has no more to say than its loss.
std::vector<eval::PreparedTask> prepare_tasks(const Options& options, const model::Model& model,
                                              const text::Tokenizer& tokenizer, Terminal& terminal) {
  std::vector<eval::PreparedTask> tasks;
  for (const text::SourceRequest& request : text::parse_source_requests(options.data.tasks)) {
    const std::optional<fs::path> file = text::task_file_of(request.path, tasks_folder());
    if (!file) continue;
    const std::vector<std::string> missing = eval::missing_to_judge(text::read_task(*file));
    if (!missing.empty()) {
      terminal.note(concat(request.path, ": its answers are not scored, since its metric needs ", join(missing),
                           "; perplexity and KL are measured all the same"));
      continue;
    }
    eval::PreparedTask task = eval::prepare(request.path, eval::make_encoder(model, tokenizer, 0),
                                            {.split = {},
                                             .limit = options.limit,
                                             .record_template = {},
                                             .tasks_folder = tasks_folder(),
                                             .data_root = data_root()});
    if (!task.generation) tasks.push_back(std::move(task));
  }
  return tasks;
}

prune::Workload workload_of(const std::vector<text::SampledSource>& sources, const Options& options) {
  prune::Workload work{.num_sources = static_cast<std::int64_t>(sources.size()),
                       .input_tokens = options.data.keep_inputs.value_or(0),
                       .threads = at::get_num_threads()};
  std::int64_t rows = 0;
  const auto add = [&](const std::vector<text::TokenRow>& part, std::int64_t& tokens) {
    for (const text::TokenRow& row : part) tokens += static_cast<std::int64_t>(row.ids.size());
    rows += static_cast<std::int64_t>(part.size());
  };
  for (const text::SampledSource& source : sources) {
    add(source.observed, work.num_tokens);
    add(source.held_out, work.held_out_tokens);
  }
  work.num_tokens += work.held_out_tokens;
  work.row_tokens = work.num_tokens / std::max<std::int64_t>(1, rows);
  return work;
}

void say_cost(const Options& options, const study::SweepRequest& request, const model::Model& model,
              const std::vector<study::PointRequest>& points, const prune::Workload& work, bool observed,
              Terminal& terminal) {
  const Compute compute = make_compute(options.compute, model);
  const prune::MachineSpeed speed = prune::measure_speed(model.config, compute, work.threads);
  double seconds = 0;
  prune::Workload predicting = work;  // the kept inputs pass the MoE blocks twice
  predicting.held_out_tokens += 2 * work.input_tokens;
  for (const study::PointRequest& point : points) {
    seconds += prune::estimate_try(model, predicting, speed, point.experts, prune::find_method(point.name).merges);
  }
  const double observing = observed ? 0 : prune::estimate_observe(model, compute, work, speed).seconds;
  terminal.say(concat("sweep     ", request.methods.size(), " methods at ", request.counts.size(), " counts: ",
                      points.size(), " points on ", count_text(work.held_out_tokens), " held-out tokens; about ",
                      seconds_text(observing + seconds), " (", seconds_text(observing), " of it observing), and for ",
                      "what follows from them up to as many again; interrupted, the same command goes on from ",
                      files_of(options.out).points.string()));
}

void run(const Options& chosen, const std::string& command_line, Terminal& terminal) {
  Options options = chosen;
  apply_threads(options.compute.threads);
  options.data.keep_inputs = options.data.keep_inputs.value_or(prune::kDefaultInputTokens);
  const model::Model model = open_to_prune(options.model, terminal);
  const study::SweepRequest request = make_sweep_request(options);
  const std::vector<study::PointRequest> requests = study::first_points(model.config, request);
  for (const study::PointRequest& point : requests) {
    check(*options.data.keep_inputs > 0 || !prune::effects_of(prune::find_method(point.name), {}).inputs, "method ",
          point.name, " looks at inputs, and --keep-inputs 0 keeps none; leave the option or the method out");
  }
  check(*options.data.keep_inputs > 0 || !request.allow_mixed_counts,
        "--allow-mixed-counts is decided by predicted errors, and --keep-inputs 0 leaves nothing to predict from");
  check_folder(options, model.folder());
  const FileLock lock(files_of(options.out).lock);
  lock.expect_held(options.out);
  fit_rows_(options.data, model, terminal.listener());
  const std::vector<text::SampledSource> sources = read_rows(options.data, model, terminal.listener());
  const prune::Workload work = workload_of(sources, options);
  check(work.held_out_tokens > 0, "there are no held-out rows to measure on; name some with --held-out");
  std::optional<prune::RoutingStats> earlier = earlier_stats(options, model, sources);
  say_cost(options, request, model, requests, work, earlier.has_value(), terminal);

  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(model.folder(), model.config.vocab_size);
  const std::vector<eval::PreparedTask> tasks = prepare_tasks(options, model, *tokenizer, terminal);
  const Clock::time_point begin = Clock::now();
  const Files files = files_of(options.out);
  if (earlier) {
    prune::discard_state(files.stats.string() + ".state");  // a run may have been stopped before it did so
    terminal.say("observed  before: " + files.stats.string());
  }
  const prune::RoutingStats stats =
      earlier ? std::move(*earlier)
              : observe_to({.out = files.stats, .existing = {.replace = true}, .checkpoint = {}}, model, options.data,
                           options.compute, std::nullopt, terminal);
  const double observe_seconds = seconds_since(begin);

  const Compute compute = compute_of(stats);
  const model::LayerStream original(model, compute, model::fitting_weights(model, compute));
  const study::Evidence evidence{original, stats, file_hash(files.stats), tasks, *tokenizer};
  study::PointLog log(files.points);
  study::PointRunner runner(evidence, log);
  const Listener listener = terminal.listener();
  const std::vector<study::Point> first = study::run_points(runner, evidence, requests, listener);
  std::vector<study::Point> points = first;
  for (study::Point& point :
       study::run_points(runner, evidence, study::advised_points(model.config, request, requests, first), listener)) {
    points.push_back(std::move(point));
  }
  std::vector<study::Point> alone;
  if (request.cross_task) {
    alone = study::run_points(runner, evidence,
                              study::cross_task_points(model.config, stats.sources.size(), requests, first), listener);
  }
  double point_seconds = 0, alone_seconds = 0;
  for (const study::Point& point : points) point_seconds += point.seconds;
  for (const study::Point& point : alone) alone_seconds += point.seconds;

  const study::Findings findings = study::find(evidence, request, points, alone);
  const study::SweepNotes notes{
      UNCURL_VERSION,
      command_line,
      runner.score_original(listener),
      {{"observe", observe_seconds}, {"points", point_seconds}, {"cross_task", alone_seconds}}};
  write_json(files.result, study::sweep_json(evidence, request, points, findings, notes));
  print_sweep(stats, request, points, findings, terminal);
  terminal.say("wrote     " + files.result.string());
}

}  // namespace

void add_sweep(CLI::App& app, const std::string& command_line, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("sweep", "What every method loses at every number of experts, without writing a checkpoint");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command
      ->add_option("-o,--output", options->out, "folder of sweep.json, and of what an interrupted sweep resumes from")
      ->required();
  command->add_flag("--overwrite", options->overwrite, "replace a sweep of something else in that folder");
  add_data_options(*command, options->data);
  command->add_option("--methods", options->methods, "names of `uncurl methods`, by commas, or all")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->capture_default_str();
  command
      ->add_option("--router", options->routers,
                   "router rules of merging methods, by commas: each is a point; default: the method's own")
      ->delimiter(',')
      ->allow_extra_args(false);
  command->add_option("--experts", options->experts, "numbers of experts that layers keep, by commas")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->required();
  command
      ->add_option("--tolerance", options->request.tolerance,
                   "of the threshold, the smallest count that loses no more: rise of the loss, nats a token")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--allow-mixed-counts", options->request.allow_mixed_counts,
                    "also spend the same total over the layers, each as many as the predicted errors advise");
  command->add_flag("--no-cross-task", options->no_cross_task, "do not prune for each task alone");
  command->add_option("--limit", options->limit, "rows of each task with choices that are scored; 0: all")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  command->add_option("--seed", options->request.seed, "of clustering and of random choices")->capture_default_str();
  add_compute_options(*command, options->compute);
  command->footer(
      "Examples:\n"
      "  uncurl sweep Qwen3-30B-A3B --task gsm8k --experts 96,64,32 -o sweep-math\n"
      "  uncurl sweep OLMoE-1B-7B --task math.jsonl --task code.jsonl --methods uncurl,reap,soft-frequency "
      "--experts 48,32,16 --allow-mixed-counts -o sweep-two\n"
      "Interrupt it at any time: the same command goes on after the last finished point. `uncurl report` draws it.");
  command->callback([options, command_line, &terminal] { run(*options, command_line, terminal); });
}

}  // namespace uncurl::cli
