// Independent pieces of work, one a thread, each with libtorch on one thread: no bit depends on how many there are.
#pragma once

#include <ATen/ATen.h>
#include <omp.h>

#include <algorithm>
#include <cstddef>
#include <exception>

namespace uncurl::prune {

/// Calls work(i) for i in [first, last), on `num_threads` threads at most. Rethrows what one of them threw.
template <class Work>
void for_each_in_parallel(std::size_t first, std::size_t last, int num_threads, Work work) {
  std::exception_ptr failure;
  const int threads = std::max(1, std::min(num_threads, static_cast<int>(last - first)));
#pragma omp parallel for schedule(dynamic) num_threads(threads)
  for (std::size_t i = first; i < last; ++i) {
    const int threads_before = omp_get_max_threads();
    omp_set_num_threads(1);
    try {
      const c10::InferenceMode inference;
      work(i);
    } catch (...) {
#pragma omp critical
      failure = std::current_exception();
    }
    omp_set_num_threads(threads_before);
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace uncurl::prune
