// uncurl observe: stations 1 to 3.
#include "cli/commands.h"
#include "cli/stations.h"
#include "uncurl/prune/output_folder.h"

namespace uncurl::cli {
namespace {

struct Options {
  std::string model, out;
  bool overwrite = false;
  DataOptions data;
  ComputeOptions compute;
};

void run(const Options& options, Terminal& terminal) {
  apply_threads(options.compute.threads);
  prune::check_output_place(options.out, options.model);
  const model::Model model = open_to_prune(options.model, terminal);
  const ObservePlace place{
      .out = options.out, .existing = {.reuse = !options.overwrite, .replace = options.overwrite}, .checkpoint = {}};
  observe_to(place, model, options.data, options.compute, /*sequential=*/std::nullopt, terminal);
}

}  // namespace

void add_observe(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("observe", "One pass over the task data: the statistics that every method needs");
  command->add_option("model", options->model, "folder of a Hugging Face checkpoint")->required();
  command->add_option("-o,--output", options->out, "statistics file to write, e.g. stats.safetensors")->required();
  command->add_flag("--overwrite", options->overwrite, "replace an existing file");
  add_data_options(*command, options->data);
  add_compute_options(*command, options->compute);
  command->footer(
      "Examples:\n"
      "  uncurl observe Qwen3-30B-A3B --task gsm8k -o stats.safetensors\n"
      "  uncurl observe Mixtral-8x7B --task code.jsonl:2 --task chat.jsonl:1 --template '{question}\\n{answer}' -o "
      "s.safetensors\n"
      "Interrupt it at any time: it finishes its layer, and the same command resumes after that. Killed, it resumes "
      "after\n"
      "the last layer that was saved.");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
