// uncurl train: a model from scratch, or a checkpoint finetuned or healed.
#include "cli/commands.h"
#include "cli/options.h"
#include "cli/places.h"
#include "uncurl/base/error.h"
#include "uncurl/train/trainer.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string config, output, device;
  bool overwrite = false, dry_run = false;
  int threads = 0;
};

void say_outline(const train::TrainConfig& config, const train::TrainOutline& outline, Terminal& terminal) {
  const auto tokens = static_cast<double>(outline.tokens);
  terminal.say(concat("model     ", outline.model_type, ", ", count_text(outline.parameters), " parameters; trained: ",
                      count_text(outline.trained), config.lora.rank > 0 ? " of low-rank updates" : ""));
  terminal.say(concat("data      ", count_text(outline.tokens), " tokens, ", count_text(outline.targets),
                      " of them predicted, in ", count_text(outline.steps), " steps (",
                      count_text(outline.warmup_steps), " of warm-up)"));
  terminal.say(concat("cost      ", number_text(outline.flops_per_token / 1e6, 1), " MFLOP a token, ",
                      number_text(outline.flops_per_token * tokens / 1e12, 2), " TFLOP in all; ",
                      bytes_text(static_cast<double>(outline.state_bytes)),
                      " of memory for weights, gradients and optimiser, activations apart"));
  if (outline.first_step > 0)
    terminal.say(concat("resumed   after step ", count_text(outline.first_step), " of an earlier run"));
}

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.threads);
  train::TrainConfig config = train::read_train_config(std::filesystem::path(options.config));
  if (!options.output.empty()) config.output = options.output;
  if (!options.device.empty()) config.device = options.device;
  config.overwrite = options.overwrite;
  config.tasks_folder = tasks_folder();
  config.data_root = data_root();
  config.program = UNCURL_VERSION;
  const Listener listener = terminal.listener();
  if (options.dry_run) {
    say_outline(config, train::outline(config, listener), terminal);
    return;
  }
  const train::TrainOutcome outcome = train::train(
      config, listener, [&](const train::TrainOutline& outline) { say_outline(config, outline, terminal); });
  for (const train::ValidationLoss& loss : outcome.validation) {
    terminal.say(concat("loss      ", loss.source, ": ", number_text(loss.loss, 4), " nats a token (",
                        count_text(loss.num_targets), " tokens)"));
  }
  terminal.say(concat("trained   ", count_text(outcome.steps), " steps, ", count_text(outcome.tokens), " tokens in ",
                      seconds_text(outcome.seconds)));
  terminal.say("wrote     " + config.output.string());
}

}  // namespace

void add_train(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command = app.add_subcommand("train", "Train a model from scratch, or finetune or heal a checkpoint");
  command->add_option("config", options->config, "JSON file that says what is trained on what, see docs/training.md")
      ->required()
      ->type_name("PATH");
  command->add_option("-o,--output", options->output, "folder to write, in place of the config's 'output'");
  command->add_option("--device", options->device, "cpu, cuda or cuda:N, in place of the config's 'device'");
  command->add_flag("--dry-run", options->dry_run, "read model and data, say what it will cost, and stop");
  command->add_flag("--overwrite", options->overwrite,
                    "replace an existing output, and forget the state of a run that was stopped");
  add_threads_option(*command, options->threads);
  command->footer(
      "A run that was stopped (Ctrl-C) or killed goes on where it was when the same command is given again.\n"
      "Examples:\n"
      "  uncurl train examples/train/scratch.json\n"
      "  uncurl train heal.json --dry-run\n"
      "  uncurl train heal.json -o Qwen3-math-64-healed --device cuda");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
