#include "uncurl/prune/kept_tokens.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/nn/experts.h"
#include "uncurl/prune/plan_request.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kBlockRows = 512;  // of one expert's hidden activations
constexpr std::int64_t kOutputBytes = std::int64_t{1} << 27;

Expert in_dtype(const Expert& expert, at::ScalarType dtype) {
  return model::with_each_tensor(expert, [&](const Tensor& tensor) { return tensor.to(dtype); });
}

std::int64_t bytes_of_experts(const std::vector<Expert>& experts) {
  std::int64_t bytes = 0;
  for (const Expert& expert : experts) {
    for (const Tensor* const tensor : {&expert.gate, &expert.up, &expert.down}) {
      if (tensor->defined()) bytes += static_cast<std::int64_t>(tensor->nbytes());
    }
  }
  return bytes;
}

/// sum over the rows x of w(x) f(x): [D] fp64.
Tensor weighted_sum(const Tensor& x_mD, const Tensor& weights_m, const Expert& expert) {
  Tensor sum_D = at::zeros({x_mD.size(1)}, weights_m.options());
  for (std::int64_t first = 0; first < x_mD.size(0); first += kBlockRows) {
    const std::int64_t rows = std::min(kBlockRows, x_mD.size(0) - first);
    const Tensor y_ND = nn::expert_output(x_mD.narrow(0, first, rows), expert).to(at::kDouble);
    sum_D.add_(at::matmul(weights_m.narrow(0, first, rows), y_ND));
  }
  return sum_D;
}

}  // namespace

KeptTokens kept_tokens(const LayerSummary& layer) {
  check(layer.sample_inputs.defined(), "the statistics hold no inputs of layer ", layer.layer,
        ", on which experts are compared; observe again with --keep-inputs ", kDefaultInputTokens);
  const std::int64_t m = layer.sample_inputs.size(0);
  return {layer.sample_inputs.to(at::kCPU).contiguous(), layer.sample_logits.narrow(0, 0, m),
          layer.sample_weights.narrow(0, 0, m)};
}

nn::Routing route_among(const std::vector<std::int64_t>& experts, const KeptTokens& tokens, const model::Model& model,
                        std::int64_t layer) {
  const Tensor index = at::tensor(experts, at::kLong);
  const std::string& bias = model.family->names.correction_bias;
  Tensor correction;
  if (!bias.empty()) {
    correction = model::stored_tensor(model.checkpoint, model::fill_name(bias, layer)).index_select(0, index);
  }
  return nn::route(tokens.logits_mE.index_select(1, index), model.config.routing, correction);
}

Tensor weighted_outputs(const KeptTokens& tokens, const Tensor& weights_mE, const std::vector<Expert>& experts) {
  const c10::InferenceMode inference;
  const Tensor weights_Em = weights_mE.t().contiguous();
  Tensor sums_ED =
      at::zeros({static_cast<std::int64_t>(experts.size()), tokens.inputs_mD.size(1)}, weights_mE.options());
  kernels::run_tasks(experts.size(), [&] {
    return [&](std::size_t e) {
      const auto row = static_cast<std::int64_t>(e);
      const Expert expert = in_dtype(experts[e], tokens.inputs_mD.scalar_type());
      sums_ED.select(0, row).copy_(weighted_sum(tokens.inputs_mD, weights_Em.select(0, row), expert));
    };
  });
  return sums_ED;
}

Tensor output_products(const KeptTokens& tokens, const std::vector<Expert>& experts) {
  const c10::InferenceMode inference;
  const std::int64_t m = tokens.inputs_mD.size(0), hidden = tokens.inputs_mD.size(1);
  const auto num_experts = static_cast<std::int64_t>(experts.size());
  const std::int64_t bytes = std::max(kOutputBytes, bytes_of_experts(experts) / 8);  // few passes over a large layer
  const std::int64_t at_once = std::clamp<std::int64_t>(bytes / (4 * num_experts * hidden), 16, kBlockRows);
  Tensor products_mEE = at::empty({m, num_experts, num_experts}, at::kFloat);
  for (std::int64_t first = 0; first < m; first += at_once) {
    const std::int64_t rows = std::min(at_once, m - first);
    const Tensor x_ND = tokens.inputs_mD.narrow(0, first, rows);
    Tensor outputs_NED = at::empty({rows, num_experts, hidden}, at::kFloat);
    kernels::run_tasks(experts.size(), [&] {
      return [&](std::size_t e) {
        outputs_NED.select(1, static_cast<std::int64_t>(e))
            .copy_(nn::expert_output(x_ND, in_dtype(experts[e], x_ND.scalar_type())));
      };
    });
    kernels::run_tasks(static_cast<std::size_t>(rows), [&] {
      return [&](std::size_t n) {
        const Tensor outputs_ED = outputs_NED.select(0, static_cast<std::int64_t>(n));
        products_mEE.select(0, first + static_cast<std::int64_t>(n)).copy_(outputs_ED.matmul(outputs_ED.t()));
      };
    });
  }
  return products_mEE;
}

}  // namespace uncurl::prune
