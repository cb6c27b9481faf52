// Unequal pieces of work over the threads of libtorch, each taken when a thread is free.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <omp.h>

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>

namespace uncurl::kernels {

/// Calls work(i) for i in [0, num_tasks), in the order of i as threads become free. Every thread makes its own
/// `work = make_worker()`, which may hold buffers. What runs inside sees a single thread, so no result depends on
/// their number.
/// @throws what the first failed task threw; no task is begun after it
template <class MakeWorker>
void run_tasks(std::size_t num_tasks, MakeWorker make_worker) {
  std::atomic<std::size_t> next{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
#pragma omp parallel num_threads(at::get_num_threads())
  {
    // libtorch sets a new thread's number at its first use, once in its own code and once in what we inline of it: let
    // that be now, not inside a task.
    at::get_num_threads();
    at::internal::lazy_init_num_threads();
    const int threads_before = omp_get_max_threads();
    omp_set_num_threads(1);  // before the first product: oneDNN plans for the number of threads it sees
    try {
      const c10::InferenceMode inference;
      auto work = make_worker();
      for (std::size_t i = next++; i < num_tasks; i = next++) work(i);
    } catch (...) {
      next = num_tasks;
      const std::lock_guard lock(failure_mutex);
      if (!failure) failure = std::current_exception();
    }
    omp_set_num_threads(threads_before);
  }
  if (failure) std::rethrow_exception(failure);
}

/// The same of work(i) outside inference mode: what it makes may be kept for, or accumulated in, a backward pass.
template <class Work>
void run_gradient_tasks(std::size_t num_tasks, Work work) {
  run_tasks(num_tasks, [&] {
    return [&](std::size_t i) {
      const c10::InferenceMode ends(false);
      const c10::NoGradGuard no_grad;
      work(i);
    };
  });
}

}  // namespace uncurl::kernels
