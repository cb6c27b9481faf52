// The program: commands, and what it exits with: 0 done, 1 failed, 2 usage error.
#include <sys/resource.h>

#include <exception>
#include <iostream>

#include "cli/commands.h"
#include "cli/failure.h"
#include "uncurl/kernels/cpu_level.h"
#include "uncurl/tensor/caching_allocator.h"

namespace {

std::string command_line(int argc, char** argv) {
  std::string line = "uncurl";
  for (int i = 1; i < argc; ++i) line.append(1, ' ').append(argv[i]);
  return line;
}

int run(int argc, char** argv) {
  uncurl::cli::Terminal terminal;
  CLI::App app("uncurl: a sparse Mixture-of-Experts checkpoint and data of a task in, a smaller checkpoint out.");
  app.set_version_flag("--version", UNCURL_VERSION);
  app.require_subcommand(1);
  uncurl::cli::add_prune(app, terminal);
  uncurl::cli::add_inspect(app, terminal);
  uncurl::cli::add_observe(app, terminal);
  uncurl::cli::add_plan(app, terminal);
  uncurl::cli::add_apply(app, terminal);
  uncurl::cli::add_report(app, terminal);
  uncurl::cli::add_eval(app, terminal);
  uncurl::cli::add_sweep(app, command_line(argc, argv), terminal);
  uncurl::cli::add_train(app, terminal);
  uncurl::cli::add_study(app, terminal);
  uncurl::cli::add_methods(app, terminal);
  uncurl::cli::add_families(app, terminal);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return 0;
}

/// A checkpoint keeps each of its shards open, and some have hundreds: as many files as the system lets us have.
void allow_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // if it fails, the limit that was set holds
}

}  // namespace

int main(int argc, char** argv) {
  uncurl::use_caching_allocator();
  uncurl::cli::handle_interrupts();
  allow_open_files();
  try {
    uncurl::kernels::cpu_level();  // says at once what is wrong with UNCURL_CPU
    return run(argc, argv);
  } catch (...) {
    const uncurl::cli::Failure failure = uncurl::cli::failure_of(std::current_exception());
    std::cerr << failure.line << "\n";
    return failure.exit_code;
  }
}
