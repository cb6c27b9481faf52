#include "uncurl/prune/align.h"

#include <ATen/ATen.h>

#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/row_products.h"

namespace uncurl::prune {
namespace {

Tensor index_of(const math::Permutation& p) {
  std::vector<std::int64_t> rows(p.rows().begin(), p.rows().end());
  return at::tensor(rows, at::kLong);
}

Tensor up_of(const Neurons& neurons) { return neurons.up_down.narrow(1, 0, neurons.gate.size(1)); }

Tensor down_of(const Neurons& neurons) { return neurons.up_down.narrow(1, neurons.gate.size(1), neurons.gate.size(1)); }

/// Inner products [F,F] of what is matched apart: the gate rows, and the up rows with the down columns.
struct Products {
  Tensor gate_FF, up_down_FF;
};

Products products_of(const Neurons::Stored& anchor, const Neurons::Stored& other) {
  const Tensor scale_FF = anchor.scale_F.unsqueeze(1) * other.scale_F.unsqueeze(0);
  const Tensor up_FF = kernels::bf16_row_products(anchor.up, other.up),
               down_FF = kernels::bf16_row_products(anchor.down, other.down);
  return {kernels::bf16_row_products(anchor.gate, other.gate), up_FF.mul_(scale_FF).add_(down_FF.div_(scale_FF))};
}

Products products_of(const Neurons& anchor, const Neurons& other) {
  if (anchor.stored.gate.defined() && other.stored.gate.defined()) return products_of(anchor.stored, other.stored);
  return {kernels::onednn_linear(anchor.gate, other.gate), kernels::onednn_linear(anchor.up_down, other.up_down)};
}

Tensor scores_of(const Products& products, const AlignOptions& options) {
  return products.gate_FF + (options.rescale ? products.up_down_FF.abs() : products.up_down_FF);
}

/// Negates the neurons whose up and down go against the anchor's. @param agreement_F  their inner products
Neurons with_signs(const Neurons& neurons, const Tensor& agreement_F) {
  const Tensor signs_F = at::where(agreement_F < 0, at::full_like(agreement_F, -1.0), at::ones_like(agreement_F));
  return {neurons.gate, neurons.up_down * signs_F.unsqueeze(1), {}};
}

}  // namespace

Neurons neurons_of(const Expert& expert) {
  const std::int64_t width = expert.up.size(0), hidden = expert.up.size(1);
  Neurons neurons{
      expert.gate.to(at::kFloat), at::empty({width, 2 * hidden}, expert.up.options().dtype(at::kFloat)), {}};
  up_of(neurons).copy_(expert.up);
  down_of(neurons).copy_(expert.down.t());
  if (expert.up.scalar_type() == at::kBFloat16 && kernels::has_bf16_row_products(hidden)) {
    neurons.stored = {expert.gate.contiguous(), expert.up.contiguous(), expert.down.t().contiguous(),
                      at::ones({width}, neurons.gate.options())};
  }
  return neurons;
}

Expert expert_of(const Neurons& neurons) {
  return {neurons.gate, up_of(neurons).contiguous(), down_of(neurons).t().contiguous()};
}

Neurons balanced(const Neurons& neurons) {
  const Tensor up_F = up_of(neurons).norm(2, at::IntArrayRef({1})),
               down_F = down_of(neurons).norm(2, at::IntArrayRef({1}));
  const Tensor usable_F = (up_F > 0).logical_and(down_F > 0);
  const Tensor scale_F = at::where(usable_F, (down_F / up_F).sqrt(), at::ones_like(up_F));
  Neurons result{neurons.gate, neurons.up_down.clone(), neurons.stored};
  if (result.stored.gate.defined()) result.stored.scale_F = neurons.stored.scale_F * scale_F;
  up_of(result).mul_(scale_F.unsqueeze(1));
  down_of(result).div_(scale_F.unsqueeze(1));
  return result;
}

Tensor match_scores(const Neurons& anchor, const Neurons& other, const AlignOptions& options) {
  return scores_of(products_of(anchor, other), options);
}

Neurons permuted(const Neurons& neurons, const math::Permutation& p) {
  const Tensor index = index_of(p);
  return {neurons.gate.index_select(0, index), neurons.up_down.index_select(0, index), {}};
}

Neurons align_to(const Neurons& anchor, const Neurons& other, const AlignOptions& options) {
  if (!options.permute) {
    return options.rescale ? with_signs(other, (anchor.up_down * other.up_down).sum(/*dim=*/1)) : other;
  }
  const Products products = products_of(anchor, other);
  const Tensor scores_FF = scores_of(products, options).contiguous();
  const std::span<const float> scores(scores_FF.const_data_ptr<float>(), static_cast<std::size_t>(scores_FF.numel()));
  const math::Permutation best = math::maximize_assignment(scores, static_cast<int>(scores_FF.size(0)));
  const Neurons aligned = permuted(other, best);
  if (!options.rescale) return aligned;
  return with_signs(aligned, products.up_down_FF.gather(1, index_of(best).unsqueeze(1)).squeeze(1));
}

}  // namespace uncurl::prune
