// How much faster a smaller model decodes, from sizes alone. Decoding waits for weights to arrive from memory, so the
// prediction is the ratio of the bytes that one step reads. docs/results.md says what it leaves out.
#pragma once

#include <cstdint>
#include <vector>

#include "uncurl/model/model.h"

namespace uncurl::study {

/// Sequences that are decoded together: alone, a token meets top_k experts however many there are, and pruning gains
/// nothing; together they meet most experts of a small layer.
inline constexpr std::int64_t kDecodingBatch = 16;

/// Distinct experts that `batch` tokens meet if each takes `top_k` of `num_experts` alike: E (1 - (1 - K/E)^B).
double expected_experts(std::int64_t num_experts, std::int64_t top_k, std::int64_t batch);

/// Bytes of weights that one decoding step reads: everything but the input embeddings, and of the routed experts those
/// that the batch meets. @param experts_of_layer  by model layer, 0 where dense
double bytes_per_step(const model::Model& model, const std::vector<std::int64_t>& experts_of_layer,
                      std::int64_t batch = kDecodingBatch);

/// Steps a second as a multiple of the original's.
double predicted_speed(const model::Model& model, const std::vector<std::int64_t>& experts_of_layer);

}  // namespace uncurl::study
