#include "uncurl/kernels/cpu_level.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"

namespace uncurl::kernels {
namespace {

TEST(CpuLevel, IsTheMostOfTheProcessorUnlessForced) {
  EXPECT_EQ(cpu_level_named("baseline"), CpuLevel::kBaseline);
  EXPECT_LE(cpu_level(), cpu_level_named(""));
}

TEST(CpuLevel, RefusesOtherNames) {
  EXPECT_THAT(test::error_of([] { cpu_level_named("avx9"); }),
              testing::HasSubstr("UNCURL_CPU is 'avx9', expected baseline, v3 or v4"));
}

int sum_to(int n) {
  int sum = 0;
  for (int i = 1; i <= n; ++i) sum += i;
  return sum;
}

TEST(CpuLevel, RunsALoopWithItsArguments) { EXPECT_EQ(vectorized<sum_to>(100), 5050); }

}  // namespace
}  // namespace uncurl::kernels
