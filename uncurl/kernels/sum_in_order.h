// A sum whose terms the threads bring as they are done with them. It is added up in the order of their numbers, so that
// no bit of it depends on which thread is faster.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <vector>

namespace uncurl::kernels {

using at::Tensor;

/// Of lists of tensors, one by one.
class SumInOrder {
 public:
  /// @param number  of the term, from 0, each once; one that comes before its turn is kept until then
  /// @param term    taken over, and written
  void add(std::size_t number, std::vector<Tensor> term);

  /// The sum in the dtype of its terms; those in bf16 are summed in f32 and rounded once. Empty without terms.
  std::vector<Tensor> take();

 private:
  void add_next(std::vector<Tensor> term);

  std::mutex mutex_;
  std::map<std::size_t, std::vector<Tensor>> early_;
  std::size_t num_added_ = 0;
  std::vector<Tensor> sums_;
  std::vector<at::ScalarType> dtypes_;
};

}  // namespace uncurl::kernels
