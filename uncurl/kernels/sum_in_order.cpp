#include "uncurl/kernels/sum_in_order.h"

#include <ATen/ATen.h>

#include <cassert>
#include <utility>

namespace uncurl::kernels {

void SumInOrder::add(std::size_t number, std::vector<Tensor> term) {
  const std::lock_guard lock(mutex_);
  early_.emplace(number, std::move(term));
  for (auto next = early_.find(num_added_); next != early_.end(); next = early_.find(num_added_)) {
    add_next(std::move(next->second));
    early_.erase(next);
    ++num_added_;
  }
}

std::vector<Tensor> SumInOrder::take() {
  assert(early_.empty());
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] = sums_[i].to(dtypes_[i]);
  return std::move(sums_);
}

void SumInOrder::add_next(std::vector<Tensor> term) {
  if (num_added_ == 0) {
    for (const Tensor& tensor : term) dtypes_.push_back(tensor.scalar_type());
    sums_ = std::move(term);
    return;
  }
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    if (sums_[i].scalar_type() == at::kBFloat16) sums_[i] = sums_[i].to(at::kFloat);
    sums_[i].add_(term[i]);
  }
}

}  // namespace uncurl::kernels
