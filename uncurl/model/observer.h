// Who wants to see what a MoE layer does while it runs.
#pragma once

#include <cstdint>

#include "uncurl/nn/router.h"

namespace uncurl::model {

using at::Tensor;

/// One MoE layer on a run of tokens.
struct MoeCall {
  std::int64_t layer;
  std::int64_t first_token;    ///< index of the first of the N tokens among all tokens of the sweep
  const Tensor& logits_NE;     ///< router logits in the model's dtype
  const nn::Routing& routing;  ///< ids, gates and scores
  const Tensor& norms_NK;      ///< fp32, |f_j(x)| of each chosen expert before its gate
  const Tensor& inputs_ND;     ///< x, the normed inputs that router and experts see
  const Tensor& residual_ND;   ///< the residual stream that x is the norm of; undefined where only the MoE part runs
  const Tensor& routed_ND;     ///< what the routed experts add to it, shared expert excepted
  const Tensor& served_NK;     ///< bool, the choices that found room in their experts; undefined where all do
};

class MoeObserver {
 public:
  virtual ~MoeObserver() = default;
  virtual void observe(const MoeCall& call) = 0;
  virtual bool wants_norms() const { return true; }  ///< else norms_NK is undefined
};

}  // namespace uncurl::model
