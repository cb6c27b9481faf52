// uncurl report: one HTML page from the results of other commands.
#include "uncurl/report/page.h"

#include "cli/commands.h"
#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/report/runs.h"

namespace uncurl::cli {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> runs;
  std::string out = "report.html";
  bool overwrite = false;
};

void check_output(const Options& options) {
  const fs::path out(options.out);
  check(!fs::exists(out) || options.overwrite, options.out, " exists: give another -o, or --overwrite");
  const fs::path folder = fs::absolute(out).parent_path();
  check(fs::is_directory(folder), folder.string(), " is no folder: make it, or give another -o");
}

void run(const Options& options, Terminal& terminal) {
  check_output(options);
  const std::vector<report::Study> studies = report::read_runs({options.runs.begin(), options.runs.end()});
  const std::string page = report::page(studies);
  write_text(options.out, page);
  terminal.say(concat("wrote     ", options.out, " (", bytes_text(static_cast<double>(page.size())),
                      "): open it in a browser; it needs no network"));
}

}  // namespace

void add_report(CLI::App& app, Terminal& terminal) {
  const auto options = std::make_shared<Options>();
  CLI::App* const command =
      app.add_subcommand("report", "One HTML page, without network, from results of sweep, study, eval and prune");
  command
      ->add_option(
          "run", options->runs,
          "sweep.json, study.json, eval.json or result.json, or a folder that holds one; checkpoints pruned from one "
          "original share "
          "their charts")
      ->required();
  command->add_option("-o,--out", options->out, "the page")->capture_default_str();
  command->add_flag("--overwrite", options->overwrite, "replace the page if it exists");
  command->footer(
      "Examples:\n  uncurl report out/sweep -o report.html\n"
      "  uncurl report out/uncurl-16 out/reap-16 out/reap-8 -o report.html");
  command->callback([options, &terminal] { run(*options, terminal); });
}

}  // namespace uncurl::cli
