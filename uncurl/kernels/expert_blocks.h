// Which rows of an expert are computed together, by one thread.
#pragma once

#include <cstddef>
#include <vector>

#include "uncurl/kernels/moe.h"
#include "uncurl/kernels/slot_rows.h"

namespace uncurl::kernels {

struct ExpertBlock {
  std::size_t expert;
  std::size_t number;  ///< counted in the expert
  Slots slots;         ///< of the queue
};

/// The slots of every expert in blocks of at most max_slots, the largest first, so that the last to finish is small.
/// @param queue  must outlive the blocks
std::vector<ExpertBlock> blocks_of_experts(const ExpertQueue& queue, std::size_t max_slots);
std::vector<ExpertBlock> blocks_of_experts(ExpertQueue&& queue, std::size_t max_slots) = delete;

}  // namespace uncurl::kernels
