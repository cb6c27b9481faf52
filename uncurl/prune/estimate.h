// What pruning will cost, before it starts: arithmetic, memory and time from sizes alone, and from a short measurement
// of this machine. Within a factor of two of what is then measured; docs/performance.md has the comparison.
#pragma once

#include "uncurl/model/model.h"
#include "uncurl/tensor/compute.h"

namespace uncurl::prune {

/// What will run.
struct Workload {
  std::int64_t num_tokens = 0;       ///< observed and held out
  std::int64_t held_out_tokens = 0;  ///< of these
  std::int64_t row_tokens = 0;       ///< length of a typical row
  std::int64_t num_sources = 1;
  std::int64_t sample_tokens = 8192;  ///< logits kept
  std::int64_t input_tokens = 0;      ///< inputs of the MoE blocks kept
  int threads = 1;
};

/// How fast this machine is, measured in about half a second.
struct MachineSpeed {
  double flops_per_second = 0;  ///< of the products of one expert, all threads
  double task_seconds = 0;      ///< fixed cost of one product of an expert
};
MachineSpeed measure_speed(const model::ModelConfig& config, const Compute& compute, int threads);

/// Arithmetic of one token through all layers, without attention scores: two operations per weight that it meets.
double flops_per_token(const model::ModelConfig& config);

/// Bytes of the largest layer as stored.
double layer_bytes(const model::Model& model);

struct Cost {
  double seconds = 0;
  double peak_bytes = 0;  ///< resident memory of the process
};

Cost estimate_observe(const model::Model& model, const Compute& compute, const Workload& work,
                      const MachineSpeed& speed);

/// Writing, verifying and measuring the smaller checkpoint. @param merging  experts are aligned and averaged
Cost estimate_build(const model::Model& model, const Compute& compute, const Workload& work, const MachineSpeed& speed,
                    std::int64_t num_experts_after, bool merging);

/// Seconds of trying a plan in memory on the held-out rows: nothing is written or compared.
double estimate_try(const model::Model& model, const Workload& work, const MachineSpeed& speed,
                    std::int64_t num_experts_after, bool merging);

/// Parameters of the whole model, and those that one token meets, if every MoE layer holds `num_experts`.
struct ModelSize {
  std::int64_t parameters = 0;
  std::int64_t active_parameters = 0;
  double bytes = 0;
};
ModelSize model_size(const model::Model& model, std::int64_t num_experts);

}  // namespace uncurl::prune
