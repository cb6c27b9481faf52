#include "uncurl/kernels/cross_entropy.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/vector_exp.h"

namespace uncurl::kernels {
namespace {

float maximum_of(const float* values, std::int64_t n) {
  float maximum = values[0];
#pragma omp simd reduction(max : maximum)
  for (std::int64_t i = 1; i < n; ++i) maximum = values[i] > maximum ? values[i] : maximum;
  return maximum;
}

/// exp(value - maximum) over the values. @return their sum
float exponentials_(float* values, std::int64_t n, float maximum) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    values[i] = exp_of_negative(values[i] - maximum);
    sum += values[i];
  }
  return sum;
}

void scale_(float* values, std::int64_t n, float factor) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) values[i] *= factor;
}

void check_targets(const std::int64_t* targets, std::int64_t num_tokens, std::int64_t vocabulary) {
  for (std::int64_t n = 0; n < num_tokens; ++n) {
    check(targets[n] < vocabulary, "the target of token ", n, " is ", targets[n], ", but the vocabulary has ",
          vocabulary, " tokens; is it the tokenizer of another model?");
  }
}

double row_(float* logits, std::int64_t n, std::int64_t target) {
  if (target < 0) {
    std::fill(logits, logits + n, 0.0f);
    return 0;
  }
  const float maximum = vectorized<maximum_of>(logits, n), right = logits[target];
  const float sum = vectorized<exponentials_>(logits, n, maximum);
  vectorized<scale_>(logits, n, 1 / sum);
  logits[target] -= 1;
  return std::log(static_cast<double>(sum)) + static_cast<double>(maximum) - static_cast<double>(right);
}

}  // namespace

Tensor cross_entropy_(Tensor& logits_NV, const Tensor& targets_N) {
  const std::int64_t num_tokens = logits_NV.size(0), size = logits_NV.size(1);
  const Tensor targets = targets_N.contiguous();
  Tensor losses_N = at::empty({num_tokens}, logits_NV.options().dtype(at::kDouble));
  auto* const logits = logits_NV.mutable_data_ptr<float>();
  auto* const losses = losses_N.mutable_data_ptr<double>();
  const auto* const target = targets.const_data_ptr<std::int64_t>();
  check_targets(target, num_tokens, size);
  at::parallel_for(0, num_tokens, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) losses[i] = row_(logits + i * size, size, target[i]);
  });
  return losses_N;
}

}  // namespace uncurl::kernels
