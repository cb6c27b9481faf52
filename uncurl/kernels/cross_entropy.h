// The loss of the next token and its gradient by the logits, in one pass over each row while it lies in the cache. The
// twin in plain operations is in nn/training_loss.cpp.
#pragma once

#include <ATen/core/Tensor.h>

namespace uncurl::kernels {

using at::Tensor;

/// Writes softmax(logits) - onehot(target) over the logits, zeros where the target is negative.
/// @param logits_NV  [N,V] fp32 on the CPU, contiguous. @param targets_N [N] int64, negative: nothing counts
/// @return           [N] fp64 -log softmax(logits)[target], 0 where nothing counts
/// @throws           Error if a target is no token of the vocabulary
Tensor cross_entropy_(Tensor& logits_NV, const Tensor& targets_N);

}  // namespace uncurl::kernels
