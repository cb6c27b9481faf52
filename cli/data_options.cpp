#include <ATen/Parallel.h>

#include "cli/options.h"
#include "cli/places.h"
#include "uncurl/base/error.h"
#include "uncurl/text/source.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::cli {

void add_data_options(CLI::App& command, DataOptions& options) {
  command
      .add_option("--task", options.tasks,
                  "data of the task: .txt, .jsonl, a task file (.json) or the name of one; repeat for several, "
                  "PATH:WEIGHT weighs them")
      ->required()
      ->type_name("PATH[:WEIGHT]");
  command
      .add_option("--held-out", options.held_out,
                  "rows to measure on; default: a tenth of each source's records, chosen by hash")
      ->type_name("PATH");
  command.add_option("--template", options.record_template,
                     "how the fields of a .jsonl record become text, e.g. '{question}\\n{answer}'");
  command.add_option("--sequence-length", options.sample.sequence_length, "longer rows are cut")
      ->capture_default_str()
      ->check(CLI::Range(2, 1 << 24));
  command.add_option("--max-tokens", options.sample.max_tokens, "tokens to observe, spread over the sources")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
}

namespace {

/// A template is for .jsonl files alone; that it changed nothing must not go unnoticed.
void check_template(const DataOptions& options) {
  if (options.record_template.empty()) return;
  for (const std::vector<std::string>* requests : {&options.tasks, &options.held_out}) {
    for (const std::string& request : *requests) {
      if (std::filesystem::path(text::parse_source_request(request).path).extension() == ".jsonl") return;
    }
  }
  throw UsageError("--template has no effect: no --task or --held-out is a .jsonl file");
}

}  // namespace

std::vector<text::SampledSource> read_rows(const DataOptions& options, const std::filesystem::path& model,
                                           const Listener& listener) {
  const text::ReadOptions read{
      .record_template = options.record_template, .tasks_folder = tasks_folder(), .data_root = data_root()};
  check_template(options);
  const auto read_all = [&](const std::vector<std::string>& requests) {
    std::vector<text::Source> sources;
    for (const std::string& request : requests) {
      sources.push_back(text::read_source(text::parse_source_request(request), read));
    }
    return sources;
  };
  const std::vector<text::Source> sources = read_all(options.tasks), held_out = read_all(options.held_out);
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
  command.add_option("--threads", options.threads, "default: all cores; changes no result")->check(CLI::PositiveNumber);
}

Compute make_compute(const ComputeOptions& options, const model::Model& model) {
  if (options.dtype == "f32") return {.dtype = at::kFloat};
  if (options.dtype == "bf16") return {.dtype = at::kBFloat16};
  return {.dtype = model::default_dtype(model)};
}

void apply_threads(const ComputeOptions& options) {
  if (options.threads > 0) at::set_num_threads(options.threads);
}

}  // namespace uncurl::cli
