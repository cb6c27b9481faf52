#include "cli/study_tables.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "uncurl/base/error.h"

namespace uncurl::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// Shares in percent, as the paper gives them.
std::string percent_text(const math::Estimate& share) {
  return estimate_text({100 * share.mean, 100 * share.low, 100 * share.high, share.n}, 1);
}

const char* against_text(study::Against against) {
  switch (against) {
    case study::Against::kScratch:
      return "pruned, and as many experts from scratch";
    case study::Against::kUnpruned:
      return "pruned, and what it was pruned from";
    case study::Against::kDense:
      return "sparse from scratch, and dense";
  }
  fail("unknown comparison");
}

void print_pretrained(const study::StudyResults& results, Terminal& terminal) {
  Rows rows = {{"pretrained", "parameters", "a token meets", "validation loss", "dense model of equal loss"}};
  for (const study::Pretrained& model : results.pretrained) {
    rows.push_back({model.variant.name(), count_text(model.parameters), count_text(model.active_parameters),
                    number_text(model.loss(), 4),
                    model.dense_equivalent ? count_text(static_cast<std::int64_t>(*model.dense_equivalent)) : "-"});
  }
  terminal.say(concat("\n", table(rows)));
}

void print_pruning(const study::StudyResults& results, Terminal& terminal) {
  Rows rows = {{"pruned, not trained yet", "task", "KL(original || pruned), mean over seeds"}};
  for (const study::PruningLoss& pruning : results.pruning) {
    double sum = 0;
    for (const double kl : pruning.kl) sum += kl;
    rows.push_back(
        {pruning.variant.name(), pruning.task, number_text(sum / static_cast<double>(pruning.kl.size()), 4)});
  }
  terminal.say(concat("\n", table(rows)));
}

void print_scores(const study::StudyConfig& config, const study::StudyResults& results, Terminal& terminal) {
  Rows rows = {{"accuracy, %"}};
  for (const std::string& task : config.tasks) rows[0].push_back(study::task_name(task));
  std::vector<study::Variant> variants;
  for (const study::ModelScore& score : results.scores) {
    if (std::find(variants.begin(), variants.end(), score.variant) == variants.end()) variants.push_back(score.variant);
  }
  const auto add = [&](const std::string& name, auto cell_of) {
    rows.push_back({name});
    for (const std::string& task : config.tasks) rows.back().push_back(cell_of(study::task_name(task)));
  };
  add("(commonest answer)", [&](const std::string& task) {
    const auto found = results.majority.find(task);
    return found == results.majority.end() ? std::string("-") : number_text(100 * found->second, 1);
  });
  for (const study::Variant& variant : variants) {
    add(variant.name(), [&](const std::string& task) {
      for (const study::ModelScore& score : results.scores) {
        if (score.variant == variant && score.task == task) return percent_text(score.estimate);
      }
      return std::string("-");
    });
  }
  terminal.say(concat("\n", table(rows)));
}

void print_differences(const study::StudyConfig& config, const study::StudyResults& results, Terminal& terminal) {
  Rows rows = {{"model", "against", "task", "difference, points", "detectable",
                concat("seeds for ", number_text(100 * config.detect, 1))}};
  for (const study::ScoreDifference& difference : results.differences) {
    rows.push_back({difference.variant.name(), difference.other.name(), difference.task,
                    percent_text(difference.difference),
                    difference.detectable ? number_text(100 * *difference.detectable, 1) : "-",
                    difference.seeds_needed ? count_text(*difference.seeds_needed)
                    : difference.detectable ? "rows too few"
                                            : "-"});
  }
  terminal.say(concat("\n", table(rows),
                      "\n(in brackets: 95% interval over rows and seeds, paired by both; detectable: found in 80% of "
                      "such studies)"));
}

/// Seeds that comparisons of one kind need; none for one whose rows are too few. A study of one seed knows of none.
std::vector<std::optional<std::int64_t>> seeds_needed(const study::StudyResults& results, const std::string& task,
                                                      study::Against against) {
  std::vector<std::optional<std::int64_t>> needed;
  for (const study::ScoreDifference& difference : results.differences) {
    if (difference.task == task && difference.against == against && difference.detectable) {
      needed.push_back(difference.seeds_needed);
    }
  }
  return needed;
}

/// What to choose for `seeds`: how many comparisons of each kind would find `detect`, by seeds a model.
void print_power(const study::StudyConfig& config, const study::StudyResults& results, Terminal& terminal) {
  constexpr std::array<std::int64_t, 7> kSeeds = {2, 3, 4, 6, 8, 12, 16};
  Rows rows = {{concat(number_text(100 * config.detect, 1), " points are found, by seeds a model"), "task", "of"}};
  for (const std::int64_t seeds : kSeeds) rows[0].push_back(count_text(seeds));
  for (const std::string& path : config.tasks) {
    const std::string task = study::task_name(path);
    for (const study::Against against : {study::Against::kScratch, study::Against::kUnpruned, study::Against::kDense}) {
      const std::vector<std::optional<std::int64_t>> needed = seeds_needed(results, task, against);
      if (needed.empty()) continue;
      rows.push_back({against_text(against), task, count_text(static_cast<std::int64_t>(needed.size()))});
      for (const std::int64_t seeds : kSeeds) {
        const auto is_found = [&](const std::optional<std::int64_t>& n) { return n && *n <= seeds; };
        rows.back().push_back(count_text(std::count_if(needed.begin(), needed.end(), is_found)));
      }
    }
  }
  if (rows.size() > 1) terminal.say(concat("\n", table(rows)));
}

}  // namespace

void print_costs(const std::vector<study::Stage>& stages, const std::vector<study::StageCost>& costs,
                 Terminal& terminal) {
  struct Sum {
    std::int64_t count = 0, done = 0, tokens = 0;
    double flops = 0, seconds = 0;

    void add(const study::StageCost& cost) {
      ++count;
      done += cost.is_done ? 1 : 0;
      tokens += cost.tokens;
      flops += cost.flops;
      seconds += cost.is_done ? 0 : cost.seconds;
    }
    std::vector<std::string> cells(const std::string& name) const {
      return {name,
              count_text(count),
              count_text(done),
              count_text(tokens),
              number_text(flops / 1e12, 2),
              seconds_text(seconds)};
    }
  };
  std::map<study::StageKind, Sum> kinds;
  Sum all;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    kinds[stages[s].kind].add(costs[s]);
    all.add(costs[s]);
  }
  Rows rows = {{"stage", "number", "done", "tokens", "TFLOP", "time left"}};
  for (const auto& [kind, sum] : kinds) rows.push_back(sum.cells(study::kind_name(kind)));
  rows.push_back(all.cells("all"));
  terminal.say(concat("\n", table(rows), "\n"));
}

void print_results(const study::StudyConfig& config, const study::StudyResults& results, Terminal& terminal) {
  if (!results.pretrained.empty()) print_pretrained(results, terminal);
  if (!results.pruning.empty()) print_pruning(results, terminal);
  if (!results.scores.empty()) print_scores(config, results, terminal);
  if (!results.differences.empty()) print_differences(config, results, terminal);
  print_power(config, results, terminal);
  terminal.say("");
}

}  // namespace uncurl::cli
