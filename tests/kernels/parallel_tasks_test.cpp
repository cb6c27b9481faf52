#include "uncurl/kernels/parallel_tasks.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

namespace uncurl::kernels {
namespace {

/// Runs the body in a thread that libtorch has never seen, with `threads` for parallel regions.
template <class Body>
void in_a_new_thread(int threads, Body body) {
  std::thread([&] {
    at::set_num_threads(threads);
    body();
  }).join();
}

// libtorch sets the number of threads of a thread at its first operation there, which undid what run_tasks had set.
TEST(RunTasks, SeesOneThreadInEveryTaskOfANewTeam) {
  constexpr std::size_t kTasks = 64;
  std::vector<int> seen(kTasks);
  in_a_new_thread(4, [&] {
    run_tasks(kTasks, [&] {
      return [&](std::size_t i) {
        at::parallel_for(0, 8, 1, [](std::int64_t, std::int64_t) {});
        seen[i] = omp_get_max_threads();
      };
    });
  });
  EXPECT_EQ(seen, std::vector<int>(kTasks, 1));
}

TEST(RunTasks, RestoresTheNumberOfThreads) {
  in_a_new_thread(3, [] {
    run_tasks(8, [] { return [](std::size_t) {}; });
    EXPECT_EQ(at::get_num_threads(), 3);
  });
}

TEST(RunTasks, RunsEveryTaskOnce) {
  std::vector<std::atomic<int>> runs(1000);
  run_tasks(runs.size(), [&] { return [&](std::size_t i) { ++runs[i]; }; });
  for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
}

TEST(RunTasks, BeginsNoTaskAfterAFailure) {
  std::atomic<std::size_t> begun{0};
  const int before = at::get_num_threads();
  at::set_num_threads(1);  // in order, so that what follows the failing task is known
  EXPECT_THROW(run_tasks(1000,
                         [&] {
                           return [&](std::size_t i) {
                             ++begun;
                             if (i == 3) throw std::runtime_error("task 3");
                           };
                         }),
               std::runtime_error);
  at::set_num_threads(before);
  EXPECT_EQ(begun, 4U);
}

// One thread fails while the other waits for that: with tasks still handed out, the second would run them all.
TEST(RunTasks, StopsTheOtherThreadsToo) {
  std::atomic<std::size_t> begun{0};
  std::atomic<bool> failed{false};
  in_a_new_thread(2, [&] {
    EXPECT_THROW(run_tasks(100000,
                           [&] {
                             return [&](std::size_t i) {
                               ++begun;
                               if (i == 0) {
                                 failed = true;
                                 throw std::runtime_error("task 0");
                               }
                               while (!failed) std::this_thread::yield();
                             };
                           }),
                 std::runtime_error);
  });
  EXPECT_LT(begun, 100000U);
}

}  // namespace
}  // namespace uncurl::kernels
