// uncurl eval: how good a model is at tasks, and what was lost beside the original.
#include <algorithm>
#include <chrono>

#include "cli/commands.h"
#include "cli/places.h"
#include "cli/stations.h"
#include "uncurl/base/error.h"
#include "uncurl/eval/eval_file.h"
#include "uncurl/eval/evaluate.h"
#include "uncurl/eval/same_tokens.h"
#include "uncurl/prune/output_folder.h"
#include "uncurl/text/rows.h"

namespace uncurl::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model, against, split, record_template, output, weights = "auto";
  std::vector<std::string> tasks;
  std::int64_t limit = 0, max_length = 0;
  bool overwrite = false, no_writing = false, run_programs = false, skip_bad_rows = false;
  ComputeOptions compute;
};

/// A model that the tasks run through, and what came of them.
struct Subject {
  const model::Model& model;
  Compute compute;
  model::Weights weights;
  Clock::time_point begin = Clock::now();
  model::LayerStream stream;
  double seconds = std::chrono::duration<double>(Clock::now() - begin).count();  ///< of opening, and of the tasks
  std::vector<eval::TaskResult> results = {};

  Subject(const Options& options, const model::Model& of)
      : model(of),
        compute(make_compute(options.compute, of)),
        weights(options.weights == "auto"       ? model::fitting_weights(of, compute)
                : options.weights == "resident" ? model::Weights::kResident
                                                : model::Weights::kStreamed),
        stream(of, compute, weights) {}

  void add(eval::TaskResult result, double seconds_of_task) {
    results.push_back(std::move(result));
    seconds += seconds_of_task;
  }
};

const char* dtype_name(const Compute& compute) { return compute.dtype == at::kFloat ? "f32" : "bf16"; }

/// eval.json, and with it eval.items.jsonl and eval.flips.jsonl.
fs::path beside(const fs::path& output, const char* ending) {
  fs::path path = output;
  return path.replace_extension(ending);
}

void check_options(const Options& options) {
  if (options.output.empty()) {
    if (options.overwrite) throw UsageError("--overwrite has no effect without --output");
    return;
  }
  std::vector<fs::path> files = {options.output, beside(options.output, ".items.jsonl")};
  if (!options.against.empty()) files.push_back(beside(options.output, ".flips.jsonl"));
  for (const fs::path& file : files) {
    // Rows without the file that is written last are of a run that failed.
    const bool replace = options.overwrite || (file != options.output && !fs::exists(options.output));
    prune::check_output_file(file, options.model, replace);
    if (!options.against.empty()) prune::check_output_file(file, options.against, replace);
  }
}

void check_pair(const model::Model& model, const model::Model& original) {
  check(model.config.vocab_size == original.config.vocab_size, model.folder().string(), ": has a vocabulary of ",
        model.config.vocab_size, " tokens, the original one of ", original.config.vocab_size,
        "; their predictions can only be compared over the same tokens");
}

/// The tokens of the rows must be the same to both, whatever files their tokenizers are made of.
void check_tokens(const model::Model& model, const eval::Encoder& encoder, const model::Model& original,
                  const std::vector<eval::PreparedTask>& tasks, Terminal& terminal) {
  if (text::encoding_hash(model.folder()) == text::encoding_hash(original.folder())) return;
  const std::unique_ptr<text::Tokenizer> tokenizer =
      text::open_tokenizer(original.folder(), original.config.vocab_size);
  const eval::Encoder of_original{*tokenizer, text::beginning_of_text(original.folder(), *tokenizer),
                                  encoder.max_length};
  for (const eval::PreparedTask& task : tasks) {
    const std::optional<std::string> difference = eval::first_difference(task, encoder, of_original);
    check(
        !difference, model.folder().string(), " and ", original.folder().string(),
        ": their tokenizers differ, and make other tokens of ", task.name, ": ", difference.value_or(""),
        ". Predictions can only be compared over the same tokens: copy the original's tokenizer files into the folder "
        "of the model if it was made from that original, else evaluate each model alone");
  }
  terminal.note(concat("the tokenizer files of ", model.folder().string(), " and ", original.folder().string(),
                       " differ, but make the same tokens of all rows"));
}

/// An option without effect is an error.
void check_effects(const Options& options, const std::vector<eval::PreparedTask>& tasks) {
  const auto any = [&](auto has) { return std::any_of(tasks.begin(), tasks.end(), has); };
  if (options.no_writing && !any([](const eval::PreparedTask& task) { return task.generation.has_value(); }))
    throw UsageError("--no-writing has no effect: no --task lets the model write");
  if (options.run_programs && !any([](const eval::PreparedTask& task) { return task.metric == "pass_at_1"; }))
    throw UsageError("--run-generated-code has no effect: no --task has tests");
  if (options.run_programs && options.no_writing)
    throw UsageError("--run-generated-code has no effect beside --no-writing");
  const auto uses_template = [](const std::string& name) {
    return text::kind_of_file(name) == ".jsonl" || text::kind_of_file(name) == ".json";
  };
  if (!options.record_template.empty() && std::none_of(options.tasks.begin(), options.tasks.end(), uses_template))
    throw UsageError("--template has no effect: no --task is a file of records (.jsonl, .json)");
}

std::vector<eval::PreparedTask> prepare_all(const Options& options, const eval::Encoder& encoder, Terminal& terminal) {
  const eval::PrepareOptions prepare{.split = options.split,
                                     .limit = options.limit,
                                     .record_template = options.record_template,
                                     .tasks_folder = tasks_folder(),
                                     .data_root = data_root(),
                                     .skip_bad_rows = options.skip_bad_rows};
  std::vector<eval::PreparedTask> tasks;
  for (const std::string& name : options.tasks) {
    tasks.push_back(eval::prepare(name, encoder, prepare));
    const eval::PreparedTask& task = tasks.back();
    note_left_out(name, task.left_out, terminal.listener());
    terminal.say(concat("task      ", task.name, task.split.empty() ? "" : " (" + task.split + ")", ": ",
                        count_text(static_cast<std::int64_t>(task.items.size())), " rows, ",
                        count_text(task.requests.rows.num_tokens()), " tokens to run, ",
                        count_text(task.requests.num_scored()), " judged"));
    if (task.metric == "pass_at_1" && !options.run_programs) {
      terminal.note(task.name +
                    ": its tests are not run, because they run programs that the model wrote; "
                    "--run-generated-code runs them in a child process with limits");
    }
  }
  check_effects(options, tasks);
  return tasks;
}

/// Every task through the model, or through both: one task after the other, so that nothing is kept but its results.
void run_tasks(const Options& options, Subject& subject, Subject* original, const text::Tokenizer& tokenizer,
               const std::vector<eval::PreparedTask>& tasks, Terminal& terminal) {
  const eval::EvaluateOptions evaluate{.write = !options.no_writing, .run_programs = options.run_programs};
  for (const eval::PreparedTask& task : tasks) {
    if (original == nullptr) {
      const Clock::time_point begin = Clock::now();
      eval::TaskResult result = eval::evaluate(subject.stream, tokenizer, task, evaluate, terminal.listener());
      subject.add(std::move(result), std::chrono::duration<double>(Clock::now() - begin).count());
    } else {
      eval::PairResult pair =
          eval::evaluate_pair(original->stream, subject.stream, tokenizer, task, evaluate, terminal.listener());
      original->add(std::move(pair.original), pair.original_seconds);
      subject.add(std::move(pair.other), pair.other_seconds);
    }
  }
}

void say_run(const Subject& subject, const std::vector<eval::PreparedTask>& tasks, Terminal& terminal) {
  std::int64_t tokens = 0;
  for (const eval::PreparedTask& task : tasks) tokens += task.requests.rows.num_tokens();
  terminal.say(concat("evaluated ", subject.model.folder().string(), " in ", seconds_text(subject.seconds), " (",
                      dtype_name(subject.compute), ", weights ",
                      subject.weights == model::Weights::kResident ? "in memory" : "read layer by layer", ", ",
                      count_text(tokens), " tokens)"));
}

int decimals_of(const eval::Metric& metric) { return metric.higher_is_better ? 4 : 3; }

void print_results(const Subject& run, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {{"task", "metric", "value", "n"}};
  for (const eval::TaskResult& result : run.results) {
    std::string name = result.name;
    const auto add = [&](const std::string& metric, const std::string& value, std::int64_t n) {
      rows.push_back({name, metric, value, count_text(n)});
      name.clear();
    };
    for (const eval::Metric& metric : result.metrics) {
      add(metric.name, estimate_text(metric.estimate, decimals_of(metric)), metric.estimate.n);
    }
    add("loss of the right answer, nats a token", estimate_text(result.loss, 4), result.num_tokens);
  }
  terminal.say("\n" + table(rows) + "\n(in brackets: 95% interval)\n");
}

void print_comparison(const Subject& subject, const Subject& original,
                      const std::vector<eval::TaskComparison>& comparisons, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {
      {"task", "metric", "n", "original", "model", "difference", "lost", "gained", "McNemar p"}};
  for (std::size_t t = 0; t < comparisons.size(); ++t) {
    const eval::TaskResult &before = original.results[t], &after = subject.results[t];
    std::string name = before.name;
    const auto add = [&](const std::string& metric, std::int64_t n, std::vector<std::string> cells) {
      cells.insert(cells.begin(), {std::exchange(name, ""), metric, count_text(n)});
      rows.push_back(std::move(cells));
    };
    for (std::size_t m = 0; m < comparisons[t].metrics.size(); ++m) {
      const eval::MetricComparison& metric = comparisons[t].metrics[m];
      const int decimals = decimals_of(before.metrics[m]);
      std::vector<std::string> cells = {estimate_text(metric.original, decimals), estimate_text(metric.other, decimals),
                                        estimate_text(metric.difference, decimals)};
      if (metric.has_test) {
        cells.insert(cells.end(), {count_text(metric.lost), count_text(metric.gained), number_text(metric.mcnemar, 4)});
      }
      add(metric.name, metric.original.n, std::move(cells));
    }
    add("loss, nats a token", before.num_tokens,
        {estimate_text(before.loss, 4), estimate_text(after.loss, 4),
         estimate_text(comparisons[t].loss_difference, 4)});
    add("KL(original || model)", after.num_tokens, {"", estimate_text(*after.kl, 4)});
    add("same top-1", after.num_tokens, {"", estimate_text(*after.agreement, 4)});
  }
  terminal.say("\n" + table(rows) + "\n(in brackets: 95% interval; of differences, paired by row)\n");
}

Json results_json(const Subject& run) {
  Json results = Json::array();
  for (const eval::TaskResult& result : run.results) results.push_back(eval::result_json(result));
  return results;
}

void write_files(const Options& options, const eval::Encoder& encoder, const std::vector<eval::PreparedTask>& tasks,
                 const Subject& subject, const Subject* original, const std::vector<eval::TaskComparison>& comparisons,
                 Terminal& terminal) {
  Json json = {{"kind", "eval"},
               {"version", 1},
               {"uncurl", UNCURL_VERSION},
               {"dtype", dtype_name(subject.compute)},
               {"limit", options.limit},
               {"max_length", encoder.max_length},
               {"template", options.record_template.empty() ? Json() : Json(options.record_template)},
               {"model", eval::model_json(subject.model)},
               {"results", results_json(subject)},
               {"against", nullptr},
               {"original", nullptr},
               {"comparison", nullptr},
               {"timings", {{"model", subject.seconds}}}};
  if (original != nullptr) {
    json["against"] = eval::model_json(original->model);
    json["original"] = {{"dtype", dtype_name(original->compute)}, {"results", results_json(*original)}};
    json["comparison"] = Json::array();
    for (std::size_t t = 0; t < comparisons.size(); ++t) {
      json["comparison"].push_back(eval::comparison_json(original->results[t], comparisons[t]));
    }
    json["timings"]["original"] = original->seconds;
  }
  const std::vector<eval::TaskResult> none;
  const std::vector<eval::TaskResult>& originals = original == nullptr ? none : original->results;
  eval::write_items(beside(options.output, ".items.jsonl"), tasks, subject.results, originals, /*only_flips=*/false);
  std::string wrote = options.output + ", " + beside(options.output, ".items.jsonl").string();
  if (original != nullptr) {
    eval::write_items(beside(options.output, ".flips.jsonl"), tasks, subject.results, originals, /*only_flips=*/true);
    wrote += ", " + beside(options.output, ".flips.jsonl").string();
  }
  write_json(options.output, json);  // last: it says that the evaluation is complete
  terminal.say("wrote     " + wrote);
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.compute.threads);
  check_options(options);
  const model::Model model = open(options.model, terminal);
  std::optional<model::Model> original_model;
  if (!options.against.empty()) {
    original_model.emplace(open(options.against, terminal));
    check_pair(model, *original_model);
  }
  const std::unique_ptr<text::Tokenizer> tokenizer = text::open_tokenizer(model.folder(), model.config.vocab_size);
  const eval::Encoder encoder = eval::make_encoder(model, *tokenizer, options.max_length);
  const std::vector<eval::PreparedTask> tasks = prepare_all(options, encoder, terminal);

  if (original_model) check_tokens(model, encoder, *original_model, tasks, terminal);
  std::optional<Subject> original;
  if (original_model) original.emplace(options, *original_model);
  Subject subject(options, model);
  run_tasks(options, subject, original ? &*original : nullptr, *tokenizer, tasks, terminal);
  std::vector<eval::TaskComparison> comparisons;
  for (std::size_t t = 0; original && t < tasks.size(); ++t) {
    comparisons.push_back(eval::compare_results(original->results[t], subject.results[t]));
  }
  if (original) say_run(*original, tasks, terminal);
  say_run(subject, tasks, terminal);
  original ? print_comparison(subject, *original, comparisons, terminal) : print_results(subject, terminal);
  if (options.output.empty()) return;
  write_files(options, encoder, tasks, subject, original ? &*original : nullptr, comparisons, terminal);
}

}  // namespace

void add_eval(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("eval", "Perplexity and task scores, alone or beside the original");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command->add_option("--against", options->against,
                      "the original: adds KL, same top-1, and a paired test of every difference");
  command
      ->add_option("--task", options->tasks,
                   "name of a task, a task file (.json), or plain text (.txt, .jsonl); repeat for several")
      ->required()
      ->allow_extra_args(false)
      ->type_name("PATH");
  command->add_option(
      "--split", options->split,
      "rows of the tasks; default: validation, else test, else the tenth of train that pruning leaves out");
  command
      ->add_option("--limit", options->limit,
                   "rows of each task, a fixed sample chosen by hash; questions asked of one text stay together, so "
                   "there may be a few more; default: all")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--max-length", options->max_length,
                   "tokens the model sees at once; default: max_position_embeddings of config.json")
      ->check(CLI::Range(2, 1 << 24));
  command->add_option("--template", options->record_template,
                      "how the fields of a .jsonl record become text, e.g. '{question}\\n{answer}'");
  command->add_flag("--skip-bad-rows", options->skip_bad_rows,
                    "leave out rows that cannot be read or judged, and say how many; default: the first one ends the "
                    "run");
  command->add_flag("--no-writing", options->no_writing,
                    "tasks whose answers are written (gsm8k, svamp, mbpp): only the loss of the right answer");
  command->add_flag("--run-generated-code", options->run_programs,
                    "mbpp: run the programs that the model writes, in a child process with limits");
  command
      ->add_option("--weights", options->weights,
                   "auto (in memory if they take at most half of what is free), resident, streamed; only speed and "
                   "memory depend on it")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "resident", "streamed"}));
  command->add_option("-o,--output", options->output,
                      "JSON file to write; rows go to FILE.items.jsonl beside it, changed ones to FILE.flips.jsonl");
  command->add_flag("--overwrite", options->overwrite, "replace existing files");
  add_compute_options(*command, options->compute);
  command->footer(
      "Examples:\n"
      "  uncurl eval Qwen3-30B-A3B --task boolq --task arc_easy --limit 500\n"
      "  uncurl eval Qwen3-math-64 --against Qwen3-30B-A3B --task gsm8k --task wikitext -o eval.json\n"
      "  uncurl eval OLMoE-half --task held-out.jsonl --template '{question}\\n{answer}'");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
