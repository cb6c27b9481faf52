// What a training step costs, from the shape of the model alone: to plan a study before any of its models exists.
#pragma once

#include <cstdint>

#include "uncurl/model/config.h"

namespace uncurl::train {

/// Floating-point operations of forward and backward for one token: 6 for each weight that a token meets in a matrix
/// product (top_k experts of each layer, the head, not the embeddings), and in each layer attention's 12 H head_dim for
/// each of the (T+1)/2 keys that a token sees on average. With `recompute` the forward of the layers counts twice.
/// Kaplan et al. 2020, section 2.1.
double flops_per_token(const model::ModelConfig& config, std::int64_t sequence_length, bool recompute = false);

}  // namespace uncurl::train
