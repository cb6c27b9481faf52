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

std::int64_t hidden_size(const Neurons& neurons) { return neurons.up_down.size(1) / 2; }

Tensor up_of(const Neurons& neurons) { return neurons.up_down.narrow(1, 0, hidden_size(neurons)); }

Tensor down_of(const Neurons& neurons) { return neurons.up_down.narrow(1, hidden_size(neurons), hidden_size(neurons)); }

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

/// How well each pair of neurons fits, and with which sign of up and down.
struct Fit {
  Tensor scores_FF;
  Tensor agreement_FF;  ///< negative where both have to be negated to fit so well
};

bool have_activations(const Neurons& anchor, const Neurons& other) {
  return anchor.activations.defined() && other.activations.defined();
}

Tensor lengths(const Neurons& neurons) {
  const Tensor square_F = neurons.gate.square().sum(/*dim=*/1) + neurons.up_down.square().sum(/*dim=*/1);
  return square_F.sqrt();
}

/// Distance of unit vectors from their cosine.
Tensor unit_distance(const Tensor& cosine_FF) { return (2 - 2 * cosine_FF).clamp_min(0).sqrt(); }

Fit fit_by_activations(const Products& products, const Neurons& anchor, const Neurons& other,
                       const AlignOptions& options) {
  const Tensor lengths_FF = (lengths(anchor).unsqueeze(1) * lengths(other).unsqueeze(0)).clamp_min(1e-30);
  const Tensor cosine_FF = kernels::onednn_linear(anchor.activations, other.activations);
  const auto distance = [&](int sign) {
    return unit_distance((products.gate_FF + sign * products.up_down_FF) / lengths_FF) +
           unit_distance(sign * cosine_FF);
  };
  const Tensor upright_FF = distance(1);
  if (!options.rescale) return {upright_FF.neg(), {}};
  const Tensor negated_FF = distance(-1);
  return {at::minimum(upright_FF, negated_FF).neg(), negated_FF - upright_FF};
}

Fit fit_of(const Neurons& anchor, const Neurons& other, const AlignOptions& options) {
  const Products products = products_of(anchor, other);
  if (have_activations(anchor, other)) return fit_by_activations(products, anchor, other, options);
  return {products.gate_FF + (options.rescale ? products.up_down_FF.abs() : products.up_down_FF), products.up_down_FF};
}

/// Negates the neurons whose up and down go against the anchor's. @param agreement_F  their inner products
Neurons with_signs(const Neurons& neurons, const Tensor& agreement_F) {
  const Tensor signs_F = at::where(agreement_F < 0, at::full_like(agreement_F, -1.0), at::ones_like(agreement_F));
  return {neurons.gate, neurons.up_down * signs_F.unsqueeze(1), neurons.down_bias, {}, {}};
}

}  // namespace

Neurons neurons_of(const Expert& expert) {
  const std::int64_t width = expert.up.size(0), hidden = expert.up.size(1);
  const bool gated = expert.gate.defined();
  Neurons neurons{(gated ? expert.gate : expert.up_bias.unsqueeze(1)).to(at::kFloat),
                  at::empty({width, 2 * hidden}, expert.up.options().dtype(at::kFloat)),
                  gated ? Tensor() : expert.down_bias.to(at::kFloat),
                  {},
                  {}};
  up_of(neurons).copy_(expert.up);
  down_of(neurons).copy_(expert.down.t());
  if (gated && expert.up.scalar_type() == at::kBFloat16 && kernels::has_bf16_row_products(hidden)) {
    neurons.stored = {expert.gate.contiguous(), expert.up.contiguous(), expert.down.t().contiguous(),
                      at::ones({width}, neurons.gate.options())};
  }
  return neurons;
}

Expert expert_of(const Neurons& neurons) {
  const Tensor up = up_of(neurons).contiguous(), down = down_of(neurons).t().contiguous();
  if (!neurons.down_bias.defined()) return {neurons.gate, up, down};
  return {{}, up, down, neurons.gate.squeeze(1).contiguous(), neurons.down_bias};
}

Neurons with_activations(const Neurons& neurons, const Tensor& inputs_mD, const Tensor& weights_m) {
  const Tensor up_Fm = kernels::onednn_linear(up_of(neurons).contiguous(), inputs_mD);
  Tensor hidden_Fm = neurons.down_bias.defined()
                         ? at::gelu(up_Fm + neurons.gate, "tanh")
                         : at::silu(kernels::onednn_linear(neurons.gate, inputs_mD)).mul_(up_Fm);
  hidden_Fm.mul_(weights_m.sqrt().to(at::kFloat));
  const Tensor norms_F1 = hidden_Fm.norm(2, /*dim=*/at::IntArrayRef({1}), /*keepdim=*/true);
  Neurons result = neurons;
  result.activations = hidden_Fm / norms_F1.where(norms_F1 > 0, 1);
  return result;
}

Neurons balanced(const Neurons& neurons) {
  const Tensor up_F = up_of(neurons).norm(2, at::IntArrayRef({1})),
               down_F = down_of(neurons).norm(2, at::IntArrayRef({1}));
  const Tensor usable_F = (up_F > 0).logical_and(down_F > 0);
  const Tensor scale_F = at::where(usable_F, (down_F / up_F).sqrt(), at::ones_like(up_F));
  Neurons result{neurons.gate, neurons.up_down.clone(), neurons.down_bias, neurons.stored, neurons.activations};
  if (result.stored.gate.defined()) result.stored.scale_F = neurons.stored.scale_F * scale_F;
  up_of(result).mul_(scale_F.unsqueeze(1));
  down_of(result).div_(scale_F.unsqueeze(1));
  return result;
}

Tensor match_scores(const Neurons& anchor, const Neurons& other, const AlignOptions& options) {
  return fit_of(anchor, other, options).scores_FF;
}

Neurons permuted(const Neurons& neurons, const math::Permutation& p) {
  const Tensor index = index_of(p);
  return {neurons.gate.index_select(0, index), neurons.up_down.index_select(0, index), neurons.down_bias, {}, {}};
}

Neurons align_to(const Neurons& anchor, const Neurons& other, const AlignOptions& options) {
  if (!options.permute) {
    return options.rescale ? with_signs(other, (anchor.up_down * other.up_down).sum(/*dim=*/1)) : other;
  }
  const Fit fit = fit_of(anchor, other, options);
  const Tensor scores_FF = fit.scores_FF.contiguous();
  const std::span<const float> scores(scores_FF.const_data_ptr<float>(), static_cast<std::size_t>(scores_FF.numel()));
  const math::Permutation best = math::maximize_assignment(scores, static_cast<int>(scores_FF.size(0)));
  const Neurons aligned = permuted(other, best);
  if (!options.rescale) return aligned;
  return with_signs(aligned, fit.agreement_FF.gather(1, index_of(best).unsqueeze(1)).squeeze(1));
}

}  // namespace uncurl::prune
