#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdlib>

#include "cli/options.h"
#include "cli/places.h"
#include "uncurl/base/error.h"
#include "uncurl/base/machine.h"
#include "uncurl/text/source.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::cli {

void add_data_options(CLI::App& command, DataOptions& options) {
  command
      .add_option("--task", options.tasks,
                  "data of the task: .txt, .jsonl, a task file (.json) or the name of one; repeat for several, "
                  "PATH:WEIGHT weighs them")
      ->required()
      ->allow_extra_args(false)  // one value each: what follows is the model
      ->type_name("PATH[:WEIGHT]");
  command
      .add_option("--held-out", options.held_out,
                  "rows to measure on, all of them; repeat for several; default: a tenth of each source's records, "
                  "chosen by hash")
      ->allow_extra_args(false)
      ->type_name("PATH");
  command.add_option("--template", options.record_template,
                     "how the fields of a .jsonl record become text, e.g. '{question}\\n{answer}'");
  command.add_option("--sequence-length", options.sample.sequence_length, "longer rows are cut")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 24));
  command.add_option("--max-tokens", options.sample.max_tokens, "tokens to observe, spread over the sources")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      .add_option("--keep-inputs", options.keep_inputs,
                  "tokens whose inputs of every MoE block are kept, for predicting what a plan loses and for methods "
                  "that look at them; default: none, or 4096 where the method needs them")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--save-seconds", options.save_seconds,
                  "at least so many seconds between two saves of what a killed observation resumes from")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

namespace {

/// A template is for .jsonl files alone; that it changed nothing must not go unnoticed.
void check_template(const std::string& record_template, const std::vector<text::SourceRequest>& tasks,
                    const std::vector<text::SourceRequest>& held_out) {
  const auto uses_template = [](const text::SourceRequest& request) {
    return std::filesystem::path(request.path).extension() == ".jsonl";
  };
  if (record_template.empty() || std::any_of(tasks.begin(), tasks.end(), uses_template) ||
      std::any_of(held_out.begin(), held_out.end(), uses_template)) {
    return;
  }
  throw UsageError("--template has no effect: no --task or --held-out is a .jsonl file");
}

}  // namespace

void fit_rows_(DataOptions& options, const model::ModelConfig& config, const Listener& listener) {
  if (config.num_positions == 0 || options.sample.sequence_length <= config.num_positions) return;
  options.sample.sequence_length = config.num_positions;
  listener.note(concat("rows are cut to ", config.num_positions, " tokens, the positions that the model has learned"));
}

std::vector<text::SampledSource> read_rows(const DataOptions& options, const std::filesystem::path& model,
                                           const Listener& listener) {
  const text::ReadOptions read{
      .record_template = options.record_template, .tasks_folder = tasks_folder(), .data_root = data_root()};
  const std::vector<text::SourceRequest> tasks = text::parse_source_requests(options.tasks),
                                         held_out_files = text::parse_held_out_requests(options.held_out);
  check_template(options.record_template, tasks, held_out_files);
  const auto read_all = [&](const std::vector<text::SourceRequest>& requests) {
    std::vector<text::Source> sources;
    for (const text::SourceRequest& request : requests) sources.push_back(text::read_source(request, read));
    return sources;
  };
  const std::vector<text::Source> sources = read_all(tasks), held_out = read_all(held_out_files);
  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(model);
  return text::sample_rows(sources, held_out, *tokenizer, options.sample, listener);
}

Json provenance(const DataOptions& options) {
  return {{"uncurl", UNCURL_VERSION},
          {"sequence_length", options.sample.sequence_length},
          {"max_tokens", options.sample.max_tokens},
          {"template", options.record_template}};
}

void add_compute_options(CLI::App& command, ComputeOptions& options) {
  command.add_option("--dtype", options.dtype, "computing in: auto (bf16 for bf16 checkpoints, else f32), f32, bf16")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "f32", "bf16"}));
  add_threads_option(command, options.threads);
}

void add_threads_option(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "default: all cores that a container's quota leaves; changes no result")
      ->check(CLI::PositiveNumber);
}

Compute make_compute(const ComputeOptions& options, const model::Model& model) {
  if (options.dtype == "f32") return {.dtype = at::kFloat};
  if (options.dtype == "bf16") return {.dtype = at::kBFloat16};
  return {.dtype = model::default_dtype(model)};
}

void apply_threads(int threads) {
  if (threads > 0) {
    at::set_num_threads(threads);
  } else if (const int cpus = machine_limits().num_cpus;
             cpus < at::get_num_threads() && !std::getenv("OMP_NUM_THREADS")) {
    at::set_num_threads(cpus);  // OpenMP does not know the quota of a container
  }
}

}  // namespace uncurl::cli
