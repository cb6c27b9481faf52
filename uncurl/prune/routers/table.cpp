#include "uncurl/prune/routers/table.h"

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::prune {

const std::vector<RouterRule>& router_rules() {
  static const std::vector<RouterRule> table = {
      {"slice", "the rows of the kept experts; for dropping only", "all pruning methods", false, true, anchor_rows},
      {"anchor", "the row of each group's anchor", "REAM, arXiv 2604.04356", true, true, anchor_rows},
      {"wmean", "the mean of the members' rows, weighted as the experts are", "M-SMoE as in MoNE, arXiv 2507.00390",
       true, true, weighted_mean_rows},
      {"lse", "the combination of old rows that fits each group's log-sum-exp of logits best, shrunk towards wmean",
       "docs/method.md section 5", true, true, log_sum_exp_rows},
      {"reinit", "new random rows: the paper's rule, whose output has to be trained",
       "Sarkar et al. 2024, arXiv 2409.01483, section 4", true, false, random_rows},
      {"map", "every old row leads to the expert its own became part of, gates are summed: a yardstick, never written",
       "MC-SMoE, arXiv 2310.01334; HC-SMoE, arXiv 2410.08589", true, true, every_row, /*in_memory_only=*/true},
  };
  return table;
}

const RouterRule& find_router_rule(const std::string& name) {
  for (const RouterRule& rule : router_rules()) {
    if (name == rule.name) return rule;
  }
  fail("there is no router rule '", name, "'; there is ", join_names(router_rules(), &RouterRule::name));
}

void check_can_be_written(const RouterRule& rule) {
  check(
      !rule.in_memory_only, "the router rule ", rule.name,
      " keeps a row for each old expert, which no checkpoint of this family can hold; it is for trying plans in memory "
      "(uncurl plan predicts, uncurl sweep measures). Choose anchor, wmean, lse or reinit");
}

}  // namespace uncurl::prune
