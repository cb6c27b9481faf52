#include "uncurl/tensor/threads.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace uncurl {
namespace {

TEST(SingleThread, IsOneInsideAndRestoredAfter) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  {
    const SingleThread single;
    EXPECT_EQ(at::get_num_threads(), 1);
    const SingleThread nested;
    EXPECT_EQ(at::get_num_threads(), 1);
  }
  EXPECT_EQ(at::get_num_threads(), 2);
  at::set_num_threads(before);
}

TEST(SingleThread, IsRestoredBehindAnException) {
  const int before = at::get_num_threads();
  at::set_num_threads(2);
  try {
    const SingleThread single;
    throw std::runtime_error("stop");
  } catch (const std::runtime_error&) {
  }
  EXPECT_EQ(at::get_num_threads(), 2);
  at::set_num_threads(before);
}

}  // namespace
}  // namespace uncurl
