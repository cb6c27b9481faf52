#include "uncurl/cluster/scaling.h"

#include <ATen/ATen.h>

#include "uncurl/tensor/threads.h"

namespace uncurl::cluster {

at::Tensor points_of_gram(const at::Tensor& gram_EE) {
  const SingleThread single_thread;
  const at::Tensor rows_centered_EE = gram_EE - gram_EE.mean(/*dim=*/0, /*keepdim=*/true);
  const at::Tensor centered_EE = rows_centered_EE - rows_centered_EE.mean(/*dim=*/1, /*keepdim=*/true);
  const auto [values_E, vectors_EE] = at::linalg_eigh((centered_EE + centered_EE.t()) / 2);
  return vectors_EE * values_E.clamp_min(0).sqrt();
}

}  // namespace uncurl::cluster
