#include "uncurl/kernels/moe.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "uncurl/kernels/expert_blocks.h"
#include "uncurl/kernels/onednn_linear.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/slot_rows.h"

namespace uncurl::kernels {
namespace {

constexpr std::size_t kRowsAtOnce = 512;  // rows of one expert computed at once: bounds the buffers of a thread

Tensor output_of(const Tensor& in_MD, const Expert& expert) {
  Tensor hidden_MF;
  if (expert.gate.defined()) {
    hidden_MF = onednn_linear(in_MD, expert.gate);
    at::silu_(hidden_MF).mul_(onednn_linear(in_MD, expert.up));
  } else {
    hidden_MF = onednn_linear(in_MD, expert.up, expert.up_bias);
    at::gelu_(hidden_MF, "tanh");
  }
  return onednn_linear(hidden_MF, expert.down, expert.down_bias);
}

template <class Scalar, class Gate>
void combine_rows(float* out, float* norms, const Scalar* y, const Gate* gates, std::int64_t begin, std::int64_t end,
                  std::int64_t top_k, std::int64_t width) {
  for (std::int64_t n = begin; n < end; ++n) {
    float* const sum = out + n * width;
    std::fill(sum, sum + width, 0.0f);
    for (std::int64_t k = 0; k < top_k; ++k) {
      const Scalar* const row = y + (n * top_k + k) * width;
      const auto gate = static_cast<float>(gates[n * top_k + k]);
      // The product is rounded to the gate's dtype before it is summed, as transformers does.
      for (std::int64_t d = 0; d < width; ++d) sum[d] += static_cast<float>(Gate(static_cast<float>(row[d]) * gate));
      if (norms == nullptr) continue;
      float square = 0;
#pragma omp simd reduction(+ : square)
      for (std::int64_t d = 0; d < width; ++d) square += static_cast<float>(row[d]) * static_cast<float>(row[d]);
      norms[n * top_k + k] = std::sqrt(square);
    }
  }
}

}  // namespace

ExpertQueue sort_by_expert(const Tensor& ids_NK, std::int64_t num_experts) {
  assert(ids_NK.is_contiguous() && ids_NK.scalar_type() == at::kLong);
  const auto* const ids = ids_NK.const_data_ptr<std::int64_t>();
  const std::int64_t num_slots = ids_NK.numel();
  ExpertQueue queue{std::vector<std::int64_t>(static_cast<std::size_t>(num_slots)),
                    std::vector<std::int64_t>(static_cast<std::size_t>(num_experts) + 1, 0)};
  for (std::int64_t slot = 0; slot < num_slots; ++slot) ++queue.begins[static_cast<std::size_t>(ids[slot]) + 1];
  for (std::size_t e = 1; e < queue.begins.size(); ++e) queue.begins[e] += queue.begins[e - 1];
  std::vector<std::int64_t> next(queue.begins.begin(), queue.begins.end() - 1);
  for (std::int64_t slot = 0; slot < num_slots; ++slot) {
    queue.slots[static_cast<std::size_t>(next[static_cast<std::size_t>(ids[slot])]++)] = slot;
  }
  return queue;
}

void expert_outputs(Tensor& y_SD, const Tensor& x_ND, const std::vector<Expert>& experts, const ExpertQueue& queue,
                    std::int64_t top_k) {
  const std::vector<ExpertBlock> blocks = blocks_of_experts(queue, kRowsAtOnce);
  run_tasks(blocks.size(), [&] {
    return [&](std::size_t i) {
      const Slots slots = blocks[i].slots;
      scatter_to_slots(y_SD, output_of(gather_tokens(x_ND, slots, top_k), experts[blocks[i].expert]), slots);
    };
  });
}

Tensor combine(const Tensor& y_SD, const Tensor& gates_NK, Tensor norms_NK) {
  const std::int64_t tokens = gates_NK.size(0), top_k = gates_NK.size(1), width = y_SD.size(1);
  Tensor out_ND = at::empty({tokens, width}, y_SD.options().dtype(at::kFloat));
  float* const out = out_ND.data_ptr<float>();
  float* const norms = norms_NK.defined() ? norms_NK.data_ptr<float>() : nullptr;
  const Tensor gates = gates_NK.contiguous();
  const bool rows_bf16 = y_SD.scalar_type() == at::kBFloat16, gates_bf16 = gates.scalar_type() == at::kBFloat16;
  at::parallel_for(0, tokens, /*grain_size=*/64, [&](std::int64_t begin, std::int64_t end) {
    const auto run = [&](const auto* y, const auto* g) { combine_rows(out, norms, y, g, begin, end, top_k, width); };
    if (rows_bf16 && gates_bf16) {
      run(y_SD.const_data_ptr<at::BFloat16>(), gates.const_data_ptr<at::BFloat16>());
    } else if (rows_bf16) {
      run(y_SD.const_data_ptr<at::BFloat16>(), gates.const_data_ptr<float>());
    } else {
      run(y_SD.const_data_ptr<float>(), gates.const_data_ptr<float>());
    }
  });
  return out_ND.to(y_SD.scalar_type());
}

}  // namespace uncurl::kernels
