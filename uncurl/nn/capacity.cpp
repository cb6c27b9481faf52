#include "uncurl/nn/capacity.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <span>

namespace uncurl::nn {
namespace {

std::vector<std::int64_t> on_host(const Tensor& ids) {
  const Tensor flat = ids.to(at::kCPU).contiguous();
  const auto* const first = flat.const_data_ptr<std::int64_t>();
  return {first, first + flat.numel()};
}

/// The choices of one text in the block that is being read.
class BlockCounts {
 public:
  BlockCounts(const CapacityRule& rule, std::int64_t num_experts)
      : block_(rule.block), capacity_(capacity(rule, num_experts)), counts_(static_cast<std::size_t>(num_experts), 0) {}

  void reach(std::int64_t position) {
    if (position % block_ == 0) std::fill(counts_.begin(), counts_.end(), 0);
  }
  bool serve(std::int64_t expert) { return counts_[static_cast<std::size_t>(expert)]++ < capacity_; }

  std::vector<std::int64_t>& counts() { return counts_; }

 private:
  std::int64_t block_, capacity_;
  std::vector<std::int64_t> counts_;
};

}  // namespace

std::int64_t capacity(const CapacityRule& rule, std::int64_t num_experts) {
  const double share = static_cast<double>(rule.block) * rule.factor / static_cast<double>(num_experts);
  return std::max(rule.minimum, static_cast<std::int64_t>(std::ceil(share)));
}

Tensor served(const Tensor& ids_NK, const std::vector<CountedRow>& rows, const CapacityRule& rule,
              std::int64_t num_experts, Tensor counts_RE) {
  const std::vector<std::int64_t> ids = on_host(ids_NK);
  const std::int64_t top_k = ids_NK.size(1);
  Tensor served_NK = at::empty(ids_NK.sizes(), at::kBool);
  bool* const result = served_NK.data_ptr<bool>();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const CountedRow& row = rows[r];
    BlockCounts block(rule, num_experts);
    const auto read = [&](std::int64_t token, std::int64_t position, bool decide) {
      block.reach(position);
      for (std::int64_t slot = token * top_k; slot < (token + 1) * top_k; ++slot) {
        const bool serves = block.serve(ids[static_cast<std::size_t>(slot)]);
        if (decide) result[slot] = serves;
      }
    };
    for (std::int64_t p = 0; p < row.prefix_length; ++p) read(row.prefix_begin + p, p, /*decide=*/false);
    for (std::int64_t t = row.begin; t < row.end; ++t) read(t, row.prefix_length + t - row.begin, /*decide=*/true);
    if (counts_RE.defined()) {
      const Tensor row_E = counts_RE.select(0, static_cast<std::int64_t>(r)).narrow(0, 0, num_experts);
      row_E.copy_(at::tensor(block.counts(), at::kLong));
    }
  }
  return served_NK.to(ids_NK.device());
}

Tensor served_next_(Tensor& counts_BE, const Tensor& ids_BK, const Tensor& positions_B, const CapacityRule& rule,
                    std::int64_t num_experts) {
  counts_BE.masked_fill_(positions_B.remainder(rule.block).eq(0).unsqueeze(1), 0);
  const std::int64_t limit = capacity(rule, num_experts);
  std::vector<Tensor> served_B1;
  for (std::int64_t k = 0; k < ids_BK.size(1); ++k) {
    const Tensor expert_B1 = ids_BK.narrow(1, k, 1);
    served_B1.push_back(counts_BE.gather(1, expert_B1).lt(limit));
    counts_BE.scatter_add_(1, expert_B1, at::ones_like(expert_B1));
  }
  return at::cat(served_B1, /*dim=*/1);
}

}  // namespace uncurl::nn
