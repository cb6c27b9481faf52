#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdlib>

#include "cli/options.h"
#include "cli/places.h"
#include "uncurl/base/error.h"
#include "uncurl/base/machine.h"
#include "uncurl/text/rows.h"
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
  command
      .add_option("--sequence-length", options.sequence_length,
                  "longer rows are cut; default: 2048, or max_position_embeddings of config.json if that is less")
      ->check(CLI::Range(2, 1 << 24));
  command.add_option("--max-tokens", options.sample.max_tokens, "tokens to observe, spread over the sources")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_flag("--skip-bad-rows", options.skip_bad_rows,
                   "leave out rows that cannot be read or lack a field, and say how many; default: the first one ends "
                   "the run");
  command
      .add_option("--keep-inputs", options.keep_inputs,
                  "tokens whose inputs of every MoE block are kept, for predicting what a plan loses and for methods "
                  "that look at them; default: none, or 4096 where the method needs them")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option(
          "--save-seconds", options.save_seconds,
          "at least so many seconds between two saves of what a killed observation resumes from, which then take "
          "at most a twentieth of the time; 0: as many saves as their size allows")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
}

namespace {

/// A template is for .jsonl files alone; that it changed nothing must not go unnoticed.
void check_template(const std::string& record_template, const std::vector<text::SourceRequest>& tasks,
                    const std::vector<text::SourceRequest>& held_out) {
  const auto uses_template = [](const text::SourceRequest& request) {
    return text::kind_of_file(request.path) == ".jsonl" || text::kind_of_file(request.path) == ".json";
  };
  if (record_template.empty() || std::any_of(tasks.begin(), tasks.end(), uses_template) ||
      std::any_of(held_out.begin(), held_out.end(), uses_template)) {
    return;
  }
  throw UsageError("--template has no effect: no --task or --held-out is a file of records (.jsonl, .json)");
}

}  // namespace

void fit_rows_(DataOptions& options, const model::Model& model, const Listener& listener) {
  const std::int64_t made_for = model::max_positions(model);
  std::int64_t& length = options.sample.sequence_length;
  if (options.sequence_length) length = *options.sequence_length;
  if (made_for == 0 || length <= made_for) return;
  const bool learned = model.config.num_positions > 0;
  if (learned || !options.sequence_length) {
    length = made_for;
    listener.note(concat("rows are cut to ", made_for, " tokens, the positions that the model ",
                         learned ? "has learned" : "was made for (max_position_embeddings)"));
  } else {
    listener.warning(concat("--sequence-length ", length, " is more than the ", made_for,
                            " positions that the model was made for (max_position_embeddings); what it computes beyond "
                            "them says little of it"));
  }
}

void note_left_out(const std::string& name, const text::LeftOut& left_out, const Listener& listener) {
  if (left_out.count() > 0) listener.note(concat(name, ": ", left_out_text(left_out)));
}

std::vector<text::SampledSource> read_rows(const DataOptions& options, const model::Model& model,
                                           const Listener& listener) {
  const text::ReadOptions read{.record_template = options.record_template,
                               .tasks_folder = tasks_folder(),
                               .data_root = data_root(),
                               .skip_bad_rows = options.skip_bad_rows};
  const std::vector<text::SourceRequest> tasks = text::parse_source_requests(options.tasks),
                                         held_out_files = text::parse_held_out_requests(options.held_out);
  check_template(options.record_template, tasks, held_out_files);
  const auto read_all = [&](const std::vector<text::SourceRequest>& requests) {
    std::vector<text::Source> sources;
    for (const text::SourceRequest& request : requests) sources.push_back(text::read_source(request, read));
    return sources;
  };
  const std::vector<text::Source> sources = read_all(tasks), held_out = read_all(held_out_files);
  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(model.folder(), model.config.vocab_size);
  text::SampleOptions sample = options.sample;
  sample.skip_bad_rows = options.skip_bad_rows;
  std::vector<text::SampledSource> rows = text::sample_rows(sources, held_out, *tokenizer, sample, listener);
  for (const text::SampledSource& source : rows) note_left_out(source.name, source.left_out, listener);
  return rows;
}

Json provenance(const DataOptions& options, const model::Model& model) {
  Json json = {{"uncurl", UNCURL_VERSION},
               {"sequence_length", options.sample.sequence_length},
               {"max_tokens", options.sample.max_tokens},
               {"template", options.record_template},
               {"tokenizer", text::encoding_hash(model.folder())}};
  if (options.skip_bad_rows) json["skip_bad_rows"] = true;
  return json;
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
