#include "uncurl/prune/methods/table.h"

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::prune {

const std::vector<Method>& methods() {
  static const std::vector<Method> table = {
      {"uncurl", "merges spectral clusters of the experts' router logits, aligned to the most used expert",
       "Sarkar et al. 2024, arXiv 2409.01483, Algorithm 1", true, false, false, plan_uncurl},
      {"frequency-merge",
       "keeps the most used experts as anchors; each other one joins the anchor nearest by router logits",
       "Sarkar et al. 2024, arXiv 2409.01483, section 6.4", true, false, false, plan_frequency_merge},
      {"mc-smoe",
       "the same, but with --allow-mixed-counts the most used experts of all layers together are the anchors",
       "MC-SMoE, Li et al. 2024, arXiv 2310.01334, section 3.2", true, false, true, plan_mc_smoe},
      {"mergemoe",
       "keeps the most used experts as centres; each other one joins the centre nearest by weights, and the merged "
       "expert is fitted to its members' outputs on sampled inputs",
       "MergeMoE, 2025, arXiv 2510.14436", true, true, false, plan_mergemoe, kMergeLeastSquares},
      {"frequency", "keeps the experts that were chosen most often",
       "Sarkar et al. 2024, arXiv 2409.01483, section 6.1", false, false, false, plan_frequency},
      {"soft-frequency", "keeps the experts with the largest sum of gates",
       "SEER-MoE, Muzio et al. 2024, arXiv 2404.05089", false, false, false, plan_soft_frequency},
      {"ean", "keeps the experts with the largest sum of output norms",
       "EAN, as in Lasby et al. 2025, arXiv 2510.13999", false, false, false, plan_ean},
      {"reap", "keeps the experts with the largest mean of gate times output norm",
       "REAP, Lasby et al. 2025, arXiv 2510.13999, equation 9", false, false, false, plan_reap},
      {"man", "keeps the experts with the largest mean of output norm",
       "MAN, as in arXiv 2606.15716; recommended where no task is known", false, false, false, plan_man},
      {"msan", "keeps the experts with the largest mean of the squared output norm",
       "MSAN, as in arXiv 2606.15716; recommended where no task is known", false, false, false, plan_msan},
      {"easy-ep",
       "keeps the experts with the largest sum of gate times output norm, tokens weighted by how much the experts "
       "change "
       "them",
       "EASY-EP, Dong et al. 2025, arXiv 2504.06792", false, false, false, plan_easy_ep},
      {"random", "keeps experts drawn at random: the control", "-", false, false, false, plan_random},
  };
  return table;
}

const Method& find_method(const std::string& name) {
  for (const Method& method : methods()) {
    if (name == method.name) return method;
  }
  throw UsageError(concat("there is no method '", name, "'; there is ", join_names(methods(), &Method::name)));
}

}  // namespace uncurl::prune
