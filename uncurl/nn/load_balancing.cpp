#include "uncurl/nn/load_balancing.h"

#include <ATen/ATen.h>

#include "uncurl/tensor/autocast.h"

namespace uncurl::nn {

Tensor load_balancing_loss(const Tensor& scores_NE, const Tensor& ids_NK) {
  const Autocast off(scores_NE.device().type(), std::nullopt);
  const std::int64_t num_tokens = scores_NE.size(0), num_experts = scores_NE.size(1);
  const Tensor counts_E = at::bincount(ids_NK.reshape({-1}), /*weights=*/{}, num_experts);
  const Tensor per_token_E = counts_E.to(at::kFloat) / static_cast<double>(num_tokens);
  // Products with a row have one order of summation for any number of threads; sums have not.
  const Tensor mean_share_N1 = scores_NE.mv(per_token_E).unsqueeze(1);
  const Tensor ones_1N = at::full({1, num_tokens}, 1.0 / static_cast<double>(num_tokens), scores_NE.options());
  return static_cast<double>(num_experts) * ones_1N.mm(mean_share_N1).squeeze();
}

}  // namespace uncurl::nn
