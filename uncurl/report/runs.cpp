#include "uncurl/report/runs.h"

#include <algorithm>
#include <array>

#include "uncurl/base/error.h"
#include "uncurl/base/json.h"
#include "uncurl/base/open_file.h"
#include "uncurl/report/eval_file.h"
#include "uncurl/report/prune_file.h"
#include "uncurl/report/sweep_file.h"
#include "uncurl/report/trained_file.h"

namespace uncurl::report {
namespace {

namespace fs = std::filesystem;

/// The result files of a RUN.
std::vector<fs::path> files_of(const fs::path& run) {
  if (!fs::is_directory(run)) return {run};
  constexpr std::array<const char*, 4> kNames = {"sweep.json", "study.json", "eval.json", "result.json"};
  std::vector<fs::path> files;
  for (const char* const name : kNames) {
    if (has_entry(run / name)) files.push_back(run / name);
  }
  if (files.empty()) {
    throw UsageError(run.string() +
                     " holds no sweep.json (of uncurl sweep), study.json (of uncurl study), eval.json (of uncurl eval) "
                     "or result.json (of uncurl prune)");
  }
  return files;
}

bool is_prune(const JsonObject& file) { return !file.has("kind") && file.has("held_out"); }

Study read_study(const JsonObject& file, const fs::path& path) {
  if (is_prune(file)) return read_prune(file, path.parent_path());
  const std::string kind = file.string("kind", "");
  if (kind == "eval") return read_eval(file);
  if (kind == "study") return read_trained(file);
  check(kind == "sweep", file.place(), ": not a result of uncurl sweep, study, eval or prune: ",
        kind.empty() ? "it has neither 'kind' nor 'held_out'" : "its kind is '" + kind + "'");
  return read_sweep(file);
}

}  // namespace

std::vector<Study> read_runs(const std::vector<fs::path>& runs) {
  std::vector<Study> studies;
  for (const fs::path& run : runs) {
    for (const fs::path& path : files_of(run)) {
      const Json json = read_json(path);
      const JsonObject file(json, path.string());
      Study study = read_study(file, path);
      const bool absorbed = is_prune(file) && std::any_of(studies.begin(), studies.end(),
                                                          [&](Study& known) { return absorb(known, study); });
      if (!absorbed) studies.push_back(std::move(study));
    }
  }
  return studies;
}

}  // namespace uncurl::report
