// uncurl study: the paper's protocol, from pretraining to scores, in stages that are made once.
#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <chrono>
#include <thread>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/places.h"
#include "cli/study_tables.h"
#include "uncurl/base/error.h"
#include "uncurl/model/create.h"
#include "uncurl/model/family.h"
#include "uncurl/study/protocol/run_stage.h"
#include "uncurl/study/protocol/study_file.h"
#include "uncurl/train/cost.h"

namespace uncurl::cli {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string config, device;
  bool dry_run = false, list = false, models = false;
  double max_minutes = 0;
  int threads = 0;
};

/// Every model of the study as tensors without memory: sizes, and proof that the config makes a model.
void print_models(const study::StudyConfig& config, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {{"model", "tensors", "parameters", "MFLOP a token, trained"}};
  const auto add = [&](const study::Variant& variant) {
    const Json changes = variant.dense_size ? config.dense_sizes[*variant.dense_size] : Json();
    const Json json = study::model_config(config, changes, variant.experts);
    const model::Family& family = model::find_family(JsonObject(json, "model").string("model_type"));
    const model::ModelConfig sizes = model::read_config(json, family, variant.name());
    std::int64_t num_tensors = 0, num_elements = 0;
    for (const checkpoint::TensorSpec& spec : model::tensor_specs(sizes, family, family.layouts.front(), "F32")) {
      num_elements += at::empty(spec.shape, at::TensorOptions(at::kMeta)).numel();
      ++num_tensors;
    }
    rows.push_back({variant.name(), count_text(num_tensors), count_text(num_elements),
                    number_text(train::flops_per_token(sizes, config.pretrain.sequence_length) / 1e6, 1)});
  };
  for (const std::int64_t experts : config.experts) add({.experts = experts});
  for (std::size_t size = 0; size < config.dense_sizes.size(); ++size) add({.dense_size = size});
  terminal.say(concat("\n", table(rows), "\n"));
}

void print_stages(const std::vector<study::Stage>& stages, const std::vector<study::StageCost>& costs,
                  Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {{"stage", "tokens", "TFLOP", "time"}};
  for (std::size_t s = 0; s < stages.size(); ++s) {
    rows.push_back({stages[s].name(), count_text(costs[s].tokens), number_text(costs[s].flops / 1e12, 3),
                    costs[s].is_done ? "done" : seconds_text(costs[s].seconds)});
  }
  terminal.say(concat("\n", table(rows)));
}

/// Progress as a part of all stages; stops at the next step once the time is up.
Listener listener_until(const Listener& listener, const std::string& stage, std::optional<Clock::time_point> end) {
  return {.on_progress =
              [=](const Progress& step) {
                if (end && Clock::now() >= *end) throw Interrupted();
                listener.progress({stage + ": " + step.label, step.unit, step.done, step.total});
              },
          .on_note = {},  // of stages: cluster sizes, validation losses; they are in the stages' own files
          .on_warning = listener.on_warning};
}

/// One pass over the stages: runs those that can be run now.
/// @return how many are not done after it
std::size_t run_ready_stages(const study::StudyConfig& config, const std::vector<study::Stage>& stages,
                             std::optional<Clock::time_point> end, Terminal& terminal) {
  std::size_t num_left = 0;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    if (fs::exists(stages[s].path)) {
      study::clean_up_after(stages[s]);
      continue;
    }
    const Clock::time_point begin = Clock::now();
    const Listener listener = listener_until(terminal.listener(), concat("stage ", s + 1, " of ", stages.size()), end);
    if (study::run_stage(config, stages, stages[s], listener) != study::Run::kDone) {
      ++num_left;
      continue;
    }
    terminal.say(concat("done      ", stages[s].name(), " in ",
                        seconds_text(std::chrono::duration<double>(Clock::now() - begin).count())));
  }
  return num_left;
}

/// @return whether all stages are done; false if the time was up
bool run_stages(const study::StudyConfig& config, const std::vector<study::Stage>& stages, const Options& options,
                Terminal& terminal) {
  std::optional<Clock::time_point> end;
  if (options.max_minutes > 0) {
    end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                             std::chrono::duration<double, std::ratio<60>>(options.max_minutes));
  }
  const Listener listener = listener_until(terminal.listener(), "other processes work", end);
  try {
    while (const std::size_t num_left = run_ready_stages(config, stages, end, terminal)) {
      listener.progress({"on the rest", "stages", static_cast<std::int64_t>(stages.size() - num_left),
                         static_cast<std::int64_t>(stages.size())});
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  } catch (const Interrupted&) {
    if (!end || Clock::now() < *end) throw;
    return false;
  }
  return true;
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.threads);
  study::StudyConfig config = study::read_study_config(options.config, {tasks_folder(), data_root()}, options.device);
  config.program = UNCURL_VERSION;
  if (options.models) {
    print_models(config, terminal);
    return;
  }
  study::DataHashes hashes;
  const std::vector<study::Stage> stages = study::stages_of(config, hashes);
  const std::vector<study::StageCost> costs =
      study::costs_of(config, stages, at::get_num_threads(), terminal.listener());
  if (options.list) print_stages(stages, costs, terminal);
  print_costs(stages, costs, terminal);
  if (options.dry_run) return;
  const bool finished = run_stages(config, stages, options, terminal);
  const study::StudyResults results = study::collect(config, stages);
  print_results(config, results, terminal);
  const fs::path file = config.output / "study.json";
  write_json(file, study::study_json(config, stages, results));
  terminal.say("wrote     " + file.string());
  if (!finished) {
    terminal.say(concat("stopped   after ", number_text(options.max_minutes, 0),
                        " minutes; the same command goes on where this one was"));
  }
}

}  // namespace

void add_study(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand(
      "study", "The paper's protocol: pretrain, prune, heal, finetune and score models of several sizes");
  command->add_option("config", options->config, "JSON file that describes the study, see docs/study.md")
      ->required()
      ->type_name("PATH");
  command->add_flag("--dry-run", options->dry_run, "say what it will cost, and stop");
  command->add_flag("--list", options->list, "name every stage with its cost");
  command->add_flag("--models", options->models, "build the models without data or memory, say their sizes, and stop");
  command->add_option("--max-minutes", options->max_minutes, "stop after so long, with what is known by then")
      ->check(CLI::PositiveNumber);
  command->add_option("--device", options->device, "cpu, cuda or cuda:N for all training");
  add_threads_option(*command, options->threads);
  command->footer(
      "Every stage is kept under <output>/stages: interrupt it at any time (Ctrl-C, or a kill), the same command goes "
      "on.\nStarted several times at once, it shares the stages out: small models train faster side by side, each "
      "with\n"
      "--threads 1, than one after the other.\nstudy.json holds the results so far; `uncurl report` draws them.\n"
      "Examples:\n"
      "  uncurl study examples/study/small.json --dry-run --list\n"
      "  uncurl study examples/study/small.json --max-minutes 40\n"
      "  uncurl study examples/study/paper.json --models");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
