#include "uncurl/kernels/expert_blocks.h"

#include <algorithm>

namespace uncurl::kernels {

std::vector<ExpertBlock> blocks_of_experts(const ExpertQueue& queue, std::size_t max_slots) {
  std::vector<ExpertBlock> blocks;
  for (std::size_t expert = 0; expert + 1 < queue.begins.size(); ++expert) {
    const auto begin = static_cast<std::size_t>(queue.begins[expert]);
    const Slots slots = Slots(queue.slots).subspan(begin, static_cast<std::size_t>(queue.begins[expert + 1]) - begin);
    for (std::size_t first = 0; first < slots.size(); first += max_slots) {
      blocks.push_back({expert, first / max_slots, slots.subspan(first, std::min(max_slots, slots.size() - first))});
    }
  }
  std::stable_sort(blocks.begin(), blocks.end(),
                   [](const ExpertBlock& a, const ExpertBlock& b) { return a.slots.size() > b.slots.size(); });
  return blocks;
}

}  // namespace uncurl::kernels
