#include "uncurl/prune/estimate.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "uncurl/kernels/moe.h"
#include "uncurl/model/create.h"
#include "uncurl/model/stream.h"
#include "uncurl/prune/quality.h"

namespace uncurl::prune {
namespace {

// Fitted once to runs of the example checkpoint and of the benchmark's model; docs/performance.md, "Estimates".
constexpr double kProgramBytes = 2.4e8;       // libtorch and the program before the first tensor
constexpr double kAttentionEfficiency = 0.7;  // of causal attention, beside the products of experts
constexpr double kDenseEfficiency = 0.9;      // of everything around the experts, likewise
constexpr double kTokenSeconds = 8e-6;        // of norms and routing, per token and layer of width 2048, on one thread
constexpr double kStatisticsSeconds = 4e-6;   // of statistics, likewise
constexpr double kReadBytesPerSecond = 4e9;   // file pages
constexpr double kWriteBytesPerSecond = 1e9;
constexpr double kAssignmentSeconds = 6e-3;  // at width 768, one thread
constexpr double kAssignmentPower = 2.4;     // of the width

// The speed of products is that of experts of this size at most: rates are flat above it, and memory stays at a few MB
// per thread, whatever the model.
constexpr std::int64_t kMeasuredSize = 1024, kFewRows = 16, kManyRows = 128;
constexpr double kMeasuredValue = 1.0 / 64;

double expert_weights(const model::ModelConfig& config) {
  return static_cast<double>(model::count_expert_parameters(config));
}

double attention_weights(const model::ModelConfig& config) {
  const auto heads = static_cast<double>(2 * config.num_heads + 2 * config.num_kv_heads);
  return heads * static_cast<double>(config.head_dim * config.hidden_size);
}

/// Weights that a token meets in a layer, routed experts excepted.
double surrounding_weights(const model::ModelConfig& config, const model::LayerKind& kind) {
  const auto width = static_cast<double>(config.hidden_size);
  const double matrices = config.gated_mlp ? 3 : 2;
  if (!kind.moe) return attention_weights(config) + matrices * width * static_cast<double>(config.dense_width);
  return attention_weights(config) + width * static_cast<double>(kind.num_experts) +
         matrices * width * static_cast<double>(config.shared_width);
}

double element_bytes(const Compute& compute) { return static_cast<double>(at::elementSize(compute.dtype)); }

/// Temporaries of one chunk of tokens: slot rows, the sums around them and the projections.
double chunk_bytes(const model::ModelConfig& config, const Compute& compute, std::int64_t tokens) {
  const double per_token =
      element_bytes(compute) * static_cast<double>((config.routing.top_k + 6) * config.hidden_size +
                                                   4 * config.num_heads * config.head_dim) +
      8.0 * static_cast<double>(config.hidden_size);
  return per_token * static_cast<double>(std::min(tokens, model::SweepOptions{}.chunk_tokens));
}

double memory_of_stats(const model::ModelConfig& config, const Compute& compute, const Workload& work) {
  const StatsSize size{work.num_sources, work.num_tokens, work.sample_tokens, work.input_tokens};
  return static_cast<double>(stats_bytes(config, size, compute.dtype));
}

/// Weights that a sweep holds at once: the layer that runs, as stored or as converted, and the next one as stored.
double resident_weights(const model::Model& model, const Compute& compute) {
  const double stored = layer_bytes(model);
  const double stored_element = model::expert_dtype(model) == "F32" ? 4.0 : 2.0;
  return stored + std::max(stored, stored / stored_element * element_bytes(compute));
}

/// Of what is done for a token beside the products, in all layers.
double token_seconds(const model::ModelConfig& config, int threads) {
  const double widths = static_cast<double>(config.hidden_size) / 2048.0;
  const double seconds = static_cast<double>(config.num_layers()) * kTokenSeconds +
                         static_cast<double>(config.moe_layers().size()) * kStatisticsSeconds;
  return widths * seconds / threads;
}

double sweep_seconds(const model::ModelConfig& config, std::int64_t tokens, std::int64_t row_tokens,
                     std::int64_t num_experts, int threads, const MachineSpeed& speed) {
  double expert_flops = 0, other_flops = 0, attention_flops = 0, tasks = 0;
  const std::int64_t chunk = std::min(tokens, model::SweepOptions{}.chunk_tokens);
  const double chunks = std::ceil(static_cast<double>(tokens) / static_cast<double>(std::max<std::int64_t>(1, chunk)));
  for (const model::LayerKind& kind : config.layers) {
    other_flops += 2 * surrounding_weights(config, kind);
    attention_flops += 2.0 * static_cast<double>(row_tokens * config.num_heads * config.head_dim);  // causal: half of 4
    if (!kind.moe) continue;
    expert_flops += 2 * expert_weights(config) * static_cast<double>(config.routing.top_k);
    tasks += chunks * static_cast<double>(3 * std::min(num_experts, kind.num_experts));
  }
  const auto n = static_cast<double>(tokens);
  return (expert_flops + other_flops / kDenseEfficiency + attention_flops / kAttentionEfficiency) * n /
             speed.flops_per_second +
         tasks * speed.task_seconds + n * token_seconds(config, threads);
}

/// The held-out rows through the layers, and through both heads.
double measure_seconds(const model::ModelConfig& config, const Workload& work, const MachineSpeed& speed,
                       std::int64_t num_experts) {
  const auto head = static_cast<double>(config.vocab_size * config.hidden_size);
  const auto held_out = static_cast<double>(work.held_out_tokens);
  return sweep_seconds(config, work.held_out_tokens, work.row_tokens, num_experts, work.threads, speed) +
         2 * 2 * head * held_out / speed.flops_per_second;
}

double align_seconds(const model::ModelConfig& config, std::int64_t after, const Workload& work,
                     const MachineSpeed& speed) {
  const auto width = static_cast<double>(config.expert_width);
  const double scores = 2 * width * expert_weights(config) / speed.flops_per_second * work.threads;
  const double assignment = kAssignmentSeconds * std::pow(width / 768.0, kAssignmentPower);
  double merged = 0;
  for (const model::LayerKind& kind : config.layers)
    merged += static_cast<double>(std::max<std::int64_t>(0, kind.num_experts - after));
  return merged * (scores + assignment) / work.threads;
}

}  // namespace

MachineSpeed measure_speed(const model::ModelConfig& config, const Compute& compute, int threads) {
  using Clock = std::chrono::steady_clock;
  const c10::InferenceMode inference;
  const auto options = at::TensorOptions().dtype(compute.dtype);
  const std::int64_t width = std::min(config.expert_width, kMeasuredSize);
  const std::int64_t hidden = std::min(config.hidden_size, kMeasuredSize);
  const std::int64_t num_experts = 2 * std::max(1, threads);  // enough tasks for all threads, of one expert's weights
  const Tensor up_FD = at::full({width, hidden}, kMeasuredValue, options);
  const Tensor gate_FD = config.gated_mlp ? up_FD.clone() : Tensor();
  const std::vector<Expert> experts(static_cast<std::size_t>(num_experts),
                                    Expert{gate_FD, up_FD, up_FD.t().contiguous(), {}, {}});
  const auto seconds_for = [&](std::int64_t rows) {
    const Tensor x_ND = at::full({rows * num_experts, hidden}, kMeasuredValue, options);
    const Tensor ids_NK = at::arange(rows * num_experts, at::kLong).remainder(num_experts).unsqueeze(1).contiguous();
    Tensor out = at::empty_like(x_ND);
    double best = 1e9;
    const Clock::time_point begin = Clock::now();
    for (int run = 0; run < 2 || (run < 50 && Clock::now() - begin < std::chrono::milliseconds(200)); ++run) {
      const Clock::time_point start = Clock::now();
      kernels::expert_outputs(out, x_ND, experts, kernels::sort_by_expert(ids_NK, num_experts), /*top_k=*/1);
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
  };
  const double weights = static_cast<double>((config.gated_mlp ? 3 : 2) * width * hidden);
  const double flops = 2 * weights * static_cast<double>(num_experts);
  const double few = seconds_for(kFewRows), many = seconds_for(kManyRows);
  const double per_row = std::max(1e-12, (many - few) / static_cast<double>(kManyRows - kFewRows));
  const double fixed = std::max(0.0, few - static_cast<double>(kFewRows) * per_row);
  return {flops / per_row, fixed / static_cast<double>(3 * num_experts)};
}

double flops_per_token(const model::ModelConfig& config) {
  double weights = 0;
  for (const model::LayerKind& kind : config.layers) {
    weights += surrounding_weights(config, kind);
    if (kind.moe) weights += expert_weights(config) * static_cast<double>(config.routing.top_k);
  }
  return 2 * weights;
}

double layer_bytes(const model::Model& model) {
  std::vector<double> bytes;
  model::LayerWeights unused;
  for (std::int64_t layer = 0; layer < model.config.num_layers(); ++layer) {
    double sum = 0;
    const auto add = [&](const std::string& name) {
      sum += static_cast<double>(model.checkpoint.at(name).num_bytes());
    };
    for_each_tensor(unused, model.config, *model.family, model.layout, layer,
                    [&](Tensor&, const std::string& name, const std::vector<std::int64_t>&) { add(name); });
    const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (num_experts > 0) {
      for (const auto& tensor : expert_tensors(model.config, model.layout, layer, num_experts)) add(tensor.name);
    }
    bytes.push_back(sum);
  }
  return *std::max_element(bytes.begin(), bytes.end());
}

Cost estimate_observe(const model::Model& model, const Compute& compute, const Workload& work,
                      const MachineSpeed& speed) {
  const model::ModelConfig& config = model.config;
  const double hidden = element_bytes(compute) * static_cast<double>(work.num_tokens * config.hidden_size);
  const double embeddings = static_cast<double>(model.checkpoint.at(model.family->names.embeddings).num_bytes());
  const double all_bytes = static_cast<double>(model.checkpoint.total_bytes());
  return {sweep_seconds(config, work.num_tokens, work.row_tokens, config.num_experts, work.threads, speed) +
              all_bytes / kReadBytesPerSecond,
          kProgramBytes + hidden + embeddings + resident_weights(model, compute) +
              chunk_bytes(config, compute, work.num_tokens) + memory_of_stats(config, compute, work)};
}

Cost estimate_build(const model::Model& model, const Compute& compute, const Workload& work, const MachineSpeed& speed,
                    std::int64_t num_experts_after, bool merging) {
  const model::ModelConfig& config = model.config;
  const double bytes_after = model_size(model, num_experts_after).bytes;
  const double sweeps = merging ? 2 : 1;  // merging is compared with dropping
  const auto held_out = static_cast<double>(work.held_out_tokens);
  const double head = static_cast<double>(config.vocab_size * config.hidden_size);
  const double seconds =
      sweeps * (measure_seconds(config, work, speed, num_experts_after) + bytes_after / kReadBytesPerSecond) +
      bytes_after / kWriteBytesPerSecond + (merging ? align_seconds(config, num_experts_after, work, speed) : 0);
  const auto width = static_cast<double>(config.expert_width);
  const double align = merging ? work.threads * (8 * 4 * expert_weights(config) + 3 * 4 * width * width) : 0;
  const double heads = 2 * element_bytes(compute) * head;
  const double logits =
      7 * 4.0 * std::min(static_cast<double>(kLogitsAtOnce), held_out * static_cast<double>(config.vocab_size));
  const double hidden = 3 * element_bytes(compute) * held_out * static_cast<double>(config.hidden_size);
  const double layers = resident_weights(model, compute) + chunk_bytes(config, compute, work.held_out_tokens);
  return {seconds,
          kProgramBytes + memory_of_stats(config, compute, work) + hidden + std::max(layers + align, heads + logits)};
}

double estimate_try(const model::Model& model, const Workload& work, const MachineSpeed& speed,
                    std::int64_t num_experts_after, bool merging) {
  return measure_seconds(model.config, work, speed, num_experts_after) +
         (merging ? align_seconds(model.config, num_experts_after, work, speed) : 0) +
         static_cast<double>(model.checkpoint.total_bytes()) / kReadBytesPerSecond;
}

ModelSize model_size(const model::Model& model, std::int64_t num_experts) {
  const model::ModelConfig& config = model.config;
  const double element = model::expert_dtype(model) == "F32" ? 4.0 : 2.0;
  const double per_expert = expert_weights(config) + static_cast<double>(config.hidden_size);  // with its router row
  ModelSize size{model.checkpoint.num_parameters(), model.checkpoint.num_parameters(),
                 static_cast<double>(model.checkpoint.total_bytes())};
  for (const model::LayerKind& kind : config.layers) {
    if (!kind.moe) continue;
    const std::int64_t fewer = kind.num_experts - num_experts;
    size.parameters -= fewer * static_cast<std::int64_t>(per_expert);
    size.active_parameters -= fewer * config.hidden_size + (kind.num_experts - config.routing.top_k) *
                                                               static_cast<std::int64_t>(expert_weights(config));
    size.bytes -= static_cast<double>(fewer) * per_expert * element;
  }
  return size;
}

}  // namespace uncurl::prune
