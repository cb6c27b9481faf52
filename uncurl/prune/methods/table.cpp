#include "uncurl/prune/methods/table.h"

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::prune {

const std::vector<Method>& methods() {
  static const std::vector<Method> table = {
      {.name = "uncurl",
       .description =
           "merges clusters of experts, by default spectral ones of their router logits, aligned to the most "
           "used expert",
       .source = "Sarkar et al. 2024, arXiv 2409.01483, Algorithm 1",
       .merges = true,
       .plan = plan_uncurl,
       .grouping = kUncurlGrouping},
      {.name = "frequency-merge",
       .description =
           "keeps the most used experts as anchors; each other one joins the anchor nearest by router logits",
       .source = "Sarkar et al. 2024, arXiv 2409.01483, section 6.4",
       .merges = true,
       .plan = plan_frequency_merge,
       .grouping = kAnchorGrouping},
      {.name = "mc-smoe",
       .description =
           "the same, but with --allow-mixed-counts the most used experts of all layers together are the anchors",
       .source = "MC-SMoE, Li et al. 2024, arXiv 2310.01334, section 3.2",
       .merges = true,
       .mixed_counts = true,
       .plan = plan_mc_smoe,
       .grouping = kAnchorGrouping},
      {.name = "hc-smoe",
       .description = "merges clusters of experts of similar mean outputs, found bottom up by average linkage",
       .source = "HC-SMoE, Chen et al. 2024, arXiv 2410.08589",
       .merges = true,
       .plan = plan_hc_smoe,
       .grouping = kHcSmoeGrouping},
      {.name = "ream",
       .description =
           "joins experts to those of the highest reap scores by logits and outputs, up to 16 a group, aligned "
           "by activations as well",
       .source = "REAM, Jha et al. 2026, arXiv 2604.04356",
       .merges = true,
       .needs_inputs = true,
       .plan = plan_ream,
       .grouping = kReamGrouping,
       .router = "anchor",
       .match = kMatchActivations},
      {.name = "mergemoe",
       .description = "joins each expert to the most used one of the nearest gate and up weights, and fits the merged "
                      "experts' down weights to sampled inputs",
       .source = "MergeMoE, 2025, arXiv 2510.14436",
       .merges = true,
       .needs_inputs = true,
       .plan = plan_mergemoe,
       .grouping = kMergeMoeGrouping,
       .merge = kMergeLeastSquares},
      {.name = "naee",
       .description = "keeps the experts with which the layer answers most like itself on sampled inputs: tries all "
                      "choices where there are few, else drops one by one",
       .source = "NAEE, Lu et al. 2024, arXiv 2402.14800, section 3.2",
       .needs_inputs = true,
       .plan = plan_naee},
      {.name = "frequency",
       .description = "keeps the experts that were chosen most often",
       .source = "Sarkar et al. 2024, arXiv 2409.01483, section 6.1",
       .plan = plan_frequency},
      {.name = "soft-frequency",
       .description = "keeps the experts with the largest sum of gates",
       .source = "SEER-MoE, Muzio et al. 2024, arXiv 2404.05089",
       .plan = plan_soft_frequency},
      {.name = "ean",
       .description = "keeps the experts with the largest sum of output norms",
       .source = "EAN, as in Lasby et al. 2025, arXiv 2510.13999",
       .plan = plan_ean},
      {.name = "reap",
       .description = "keeps the experts with the largest mean of gate times output norm",
       .source = "REAP, Lasby et al. 2025, arXiv 2510.13999, equation 9",
       .plan = plan_reap},
      {.name = "man",
       .description = "keeps the experts with the largest mean of output norm",
       .source = "MAN, as in arXiv 2606.15716; recommended where no task is known",
       .plan = plan_man},
      {.name = "msan",
       .description = "keeps the experts with the largest mean of the squared output norm",
       .source = "MSAN, as in arXiv 2606.15716; recommended where no task is known",
       .plan = plan_msan},
      {.name = "easy-ep",
       .description = "keeps the experts with the largest sum of gate times output norm, tokens weighted by how much "
                      "the experts change them",
       .source = "EASY-EP, Dong et al. 2025, arXiv 2504.06792",
       .plan = plan_easy_ep},
      {.name = "random",
       .description = "keeps experts drawn at random: the control",
       .source = "-",
       .draws = true,
       .plan = plan_random},
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
