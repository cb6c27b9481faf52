#include "uncurl/cluster/affinity.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "uncurl/base/error.h"
#include "uncurl/tensor/shape.h"
#include "uncurl/tensor/threads.h"

namespace uncurl::cluster {
namespace {

bool centers_tokens(Centering centering) { return centering == Centering::kToken || centering == Centering::kBoth; }
bool centers_experts(Centering centering) { return centering == Centering::kExpert || centering == Centering::kBoth; }

std::vector<double> squared_norms(const Tensor& gram_EE) {
  const Tensor diagonal_E = gram_EE.diagonal().contiguous();
  const double* const begin = diagonal_E.const_data_ptr<double>();
  return {begin, begin + diagonal_E.numel()};
}

void check_finite_columns(const Tensor& gram_EE, const Tensor& logit_sums_E) {
  const std::vector<double> norms = squared_norms(gram_EE);
  for (std::size_t expert = 0; expert < norms.size(); ++expert) {
    check(std::isfinite(norms[expert]), "expert ", expert,
          ": the router logits over all observed tokens are not finite (", norms[expert],
          " is the sum of their squares); look for NaN or infinity in the router or the layers before it");
  }
  check(gram_EE.isfinite().all().item<bool>() && logit_sums_E.isfinite().all().item<bool>(),
        "the logit statistics hold NaN or infinity although the sum of squares of every expert is finite: "
        "the statistics file is damaged, observe again");
}

// Centring subtracts numbers as large as the raw sums of squares: what is left below their rounding is nothing.
void check_nonzero_columns(const Tensor& centered_EE, const Tensor& gram_EE, Centering centering) {
  const std::vector<double> raw = squared_norms(gram_EE), left = squared_norms(centered_EE);
  const double largest = *std::max_element(raw.begin(), raw.end());
  const double rounding = static_cast<double>(raw.size()) * std::numeric_limits<double>::epsilon() * largest;
  const double nothing = centering == Centering::kNone ? 0 : rounding;
  for (std::size_t expert = 0; expert < left.size(); ++expert) {
    check(left[expert] > nothing, "expert ", expert, ": its router logits are zero on all observed tokens",
          centering == Centering::kNone ? "" : " after centering '" + name_of(centering_names(), centering) + "'",
          ", so it is like no other expert and unlike none; observe more tokens, or prune by a method without "
          "affinities");
  }
}

Tensor center(const Tensor& gram_EE, const Tensor& logit_sums_E, double num_tokens, Centering centering) {
  Tensor centered_EE = gram_EE;
  if (centers_experts(centering)) centered_EE = centered_EE - at::outer(logit_sums_E, logit_sums_E) / num_tokens;
  if (centers_tokens(centering)) {  // (I - 11^T/E) G (I - 11^T/E)
    const Tensor rows_centered_EE = centered_EE - centered_EE.mean(/*dim=*/0, /*keepdim=*/true);
    centered_EE = rows_centered_EE - rows_centered_EE.mean(/*dim=*/1, /*keepdim=*/true);
  }
  return centered_EE;
}

Tensor cosines(const Tensor& gram_EE) {
  const Tensor norms_E = gram_EE.diagonal().sqrt();
  const Tensor cosine_EE = gram_EE / norms_E.unsqueeze(0) / norms_E.unsqueeze(1);
  return ((cosine_EE + cosine_EE.t()) / 2).clamp(-1, 1);  // rounding leaves it neither symmetric nor within [-1,1]
}

}  // namespace

const std::vector<Named<Centering>>& centering_names() {
  static const std::vector<Named<Centering>> names = {
      {"none", "raw router logits, as in the paper", Centering::kNone},
      {"token", "subtract each token's mean logit, which softmax does not see", Centering::kToken},
      {"expert", "subtract each expert's mean logit: Pearson's correlation", Centering::kExpert},
      {"both", "subtract both", Centering::kBoth},
  };
  return names;
}

const std::vector<Named<AffinityMap>>& affinity_map_names() {
  static const std::vector<Named<AffinityMap>> names = {
      {"half", "(1+S)/2 of the cosine S, as in the paper", AffinityMap::kHalf},
      {"positive", "max(0,S) of the cosine S", AffinityMap::kPositive},
  };
  return names;
}

Tensor router_affinity(const Tensor& gram_EE, const Tensor& logit_sums_E, double num_tokens,
                       const AffinityOptions& options) {
  const std::int64_t num_experts = logit_sums_E.numel();
  expect_shape(logit_sums_E, {num_experts}, "sums of the router logits");
  expect_shape(gram_EE, {num_experts, num_experts}, "Gram matrix of the router logits");
  check(num_experts > 0 && gram_EE.scalar_type() == at::kDouble && logit_sums_E.scalar_type() == at::kDouble,
        "router logit statistics of ", num_experts, " experts are ", gram_EE.scalar_type(), " and ",
        logit_sums_E.scalar_type(), ", expected Double");
  check(options.power >= 1, "affinity power is ", options.power, ", expected 1 or more");
  check(!centers_experts(options.centering) || num_tokens > 0, "affinity over ", num_tokens,
        " tokens: nothing was observed");
  const SingleThread single_thread;
  check_finite_columns(gram_EE, logit_sums_E);
  const Tensor centered_EE = center(gram_EE, logit_sums_E, num_tokens, options.centering);
  check_nonzero_columns(centered_EE, gram_EE, options.centering);

  const Tensor cosine_EE = cosines(centered_EE);
  const Tensor mapped_EE = options.map == AffinityMap::kHalf ? (1 + cosine_EE) / 2 : cosine_EE.clamp_min(0);
  Tensor affinity_EE = mapped_EE.pow(options.power);
  affinity_EE.fill_diagonal_(1);
  return affinity_EE;
}

}  // namespace uncurl::cluster
