#include "uncurl/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <optional>

#include "uncurl/kernels/parallel_tasks.h"

namespace uncurl::train {
namespace {

struct Lists {
  std::vector<Tensor> values, gradients, means, variances, steps;
};

/// By rows in the gradient's dtype and of them in fp64: in fp64 throughout libtorch would first copy the gradient to
/// it.
double norm_of(const Tensor& gradient) {
  const Tensor rows = at::linalg_vector_norm(gradient, /*ord=*/2, /*dim=*/{-1});
  return at::linalg_vector_norm(rows, /*ord=*/2, /*dim=*/std::nullopt, /*keepdim=*/false, at::kDouble).item<double>();
}

/// @param gradient_scale  what gradients are divided by
void step_lists(Lists& lists, const OptimizerConfig& config, double learning_rate, double weight_decay,
                const std::optional<Tensor>& gradient_scale) {
  if (lists.values.empty()) return;
  at::_fused_adamw_(lists.values, lists.gradients, lists.means, lists.variances, /*max_exp_avg_sqs=*/{}, lists.steps,
                    learning_rate, config.beta1, config.beta2, weight_decay, config.epsilon, /*amsgrad=*/false,
                    /*maximize=*/false, gradient_scale);
}

}  // namespace

Trained make_trained(std::string name, const Tensor& value, bool decays) {
  return {std::move(name),
          value,
          decays,
          at::zeros_like(value),
          at::zeros_like(value),
          at::zeros({}, value.options().requires_grad(false))};
}

double gradient_norm(const std::vector<Trained>& trained) {
  std::vector<double> norms(trained.size(), 0);
  kernels::run_tasks(trained.size(), [&] {
    return [&](std::size_t i) {
      const Tensor& gradient = trained[i].value.grad();
      if (!gradient.defined()) return;
      norms[i] = norm_of(gradient);
    };
  });
  double sum = 0;
  for (const double norm : norms) sum += norm * norm;
  return std::sqrt(sum);
}

void adamw_step(std::vector<Trained>& trained, const OptimizerConfig& config, double learning_rate, double norm) {
  const c10::NoGradGuard no_grad;
  const bool clips = config.clip > 0 && norm > config.clip;
  Lists decaying, others;
  for (Trained& tensor : trained) {
    Lists& lists = tensor.decays ? decaying : others;
    const Tensor gradient = tensor.value.grad().defined() ? tensor.value.grad() : at::zeros_like(tensor.value);
    lists.values.push_back(tensor.value);
    lists.gradients.push_back(gradient.contiguous());
    lists.means.push_back(tensor.mean);
    lists.variances.push_back(tensor.variance);
    lists.steps.push_back(tensor.step.add_(1));
  }
  std::optional<Tensor> gradient_scale;
  if (clips) gradient_scale = at::full({}, norm / config.clip, trained.front().value.options().dtype(at::kFloat));
  step_lists(decaying, config, learning_rate, config.weight_decay, gradient_scale);
  step_lists(others, config, learning_rate, 0, gradient_scale);
  for (Trained& tensor : trained) tensor.value.mutable_grad().reset();
}

}  // namespace uncurl::train
