#include "uncurl/prune/align.h"

#include <ATen/ATen.h>

#include "uncurl/kernels/onednn_linear.h"

namespace uncurl::prune {
namespace {

Tensor index_of(const math::Permutation& p) {
  std::vector<std::int64_t> rows(p.rows().begin(), p.rows().end());
  return at::tensor(rows, at::kLong);
}

/// [F] +1 or -1: whether neuron a's up and down agree with the anchor's or with their negatives.
Tensor signs(const Expert& anchor, const Expert& other) {
  const Tensor product_F = (anchor.up * other.up).sum(1) + (anchor.down * other.down).sum(0);
  return at::where(product_F < 0, at::full_like(product_F, -1.0), at::ones_like(product_F));
}

}  // namespace

Expert balanced(const Expert& expert) {
  const Tensor up_F = expert.up.norm(2, at::IntArrayRef({1})), down_F = expert.down.norm(2, at::IntArrayRef({0}));
  const Tensor usable_F = (up_F > 0).logical_and(down_F > 0);
  const Tensor scale_F = at::where(usable_F, (down_F / up_F).sqrt(), at::ones_like(up_F));
  return {expert.gate, expert.up * scale_F.unsqueeze(1), expert.down / scale_F};
}

Tensor match_scores(const Expert& anchor, const Expert& other, const AlignOptions& options) {
  const Tensor linear_FF = kernels::onednn_linear(at::cat({anchor.up, anchor.down.t()}, /*dim=*/1),
                                                  at::cat({other.up, other.down.t()}, /*dim=*/1));
  const Tensor gates_FF = kernels::onednn_linear(anchor.gate, other.gate);
  return gates_FF + (options.rescale ? linear_FF.abs() : linear_FF);
}

Expert permuted(const Expert& expert, const math::Permutation& p) {
  const Tensor index = index_of(p);
  return {expert.gate.index_select(0, index), expert.up.index_select(0, index), expert.down.index_select(1, index)};
}

Expert align_to(const Expert& anchor, const Expert& other, const AlignOptions& options) {
  Expert aligned = other;
  if (options.permute) {
    const Tensor scores_FF = match_scores(anchor, other, options).contiguous();
    const auto n = static_cast<std::size_t>(scores_FF.numel());
    const std::span<const float> scores(scores_FF.const_data_ptr<float>(), n);
    aligned = permuted(other, math::maximize_assignment(scores, static_cast<int>(scores_FF.size(0))));
  }
  if (!options.rescale) return aligned;
  const Tensor signs_F = signs(anchor, aligned);
  return {aligned.gate, aligned.up * signs_F.unsqueeze(1), aligned.down * signs_F};
}

}  // namespace uncurl::prune
