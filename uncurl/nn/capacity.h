// Which choices an expert serves where it takes only so many tokens of a text.
//
// Sarkar et al. 2024 train with a capacity, counted by DeepSpeed over whatever tokens a process holds at once. Here it
// is counted over fixed blocks of positions of a text and derived from the length of a block, never from the tokens
// that are there. So whether a choice is served depends on earlier tokens of its block alone: batches, padding and
// processes do not matter, and decoding token by token decides as the whole text does.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace uncurl::nn {

using at::Tensor;

struct CapacityRule {
  std::int64_t block = 0;    ///< positions 0 .. block-1 are counted together, then the next `block` ones
  double factor = 1.0;       ///< of the choices of a block shared out evenly
  std::int64_t minimum = 0;  ///< an expert serves at least so many
};

/// max(minimum, ceil(block factor / num_experts)): choices an expert serves in a block.
std::int64_t capacity(const CapacityRule& rule, std::int64_t num_experts);

/// A row of packed tokens, and the earlier tokens of its text, which are counted without being decided again.
struct CountedRow {
  std::int64_t begin = 0, end = 0;                   ///< tokens of the row
  std::int64_t prefix_begin = 0, prefix_length = 0;  ///< tokens that it continues; none by default
};

/// A choice is served if fewer than capacity() choices of its expert come before it in its block: tokens in the order
/// of their positions, the choices of a token in the order of its scores.
/// @param ids_NK     [N,K] int64, each in [0, num_experts)
/// @param rows       cover the N tokens
/// @param counts_RE  undefined, or [R,E'] int64, E' >= num_experts: filled with the choices of each row's last block,
///                   which served_next_ goes on from
/// @return           [N,K] bool. Cost O(N K) on the host
Tensor served(const Tensor& ids_NK, const std::vector<CountedRow>& rows, const CapacityRule& rule,
              std::int64_t num_experts, Tensor counts_RE = {});

/// The same for the next token of each of B texts. @param ids_BK [B,K]; @param positions_B [B] int64 of these tokens;
/// @param counts_BE  [B,E'] int64, E' >= num_experts, earlier choices in the block of the token before: brought up to
///                   date
Tensor served_next_(Tensor& counts_BE, const Tensor& ids_BK, const Tensor& positions_B, const CapacityRule& rule,
                    std::int64_t num_experts);

}  // namespace uncurl::nn
