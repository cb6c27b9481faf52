#include <gmock/gmock.h>

#include <set>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

std::vector<int> draw(std::uint64_t seed, std::int64_t layer) {
  const std::vector<LayerSummary> layers = {summary_of_counts(std::vector<double>(8, 1.0), layer)};
  return anchors_of(plan_random({layers, 4, {}, seed, any_model(), silent()})[0]);
}

TEST(RandomMethod, DrawsTheSameExpertsForTheSameSeedAndLayer) { EXPECT_EQ(draw(3, 2), draw(3, 2)); }

TEST(RandomMethod, DrawsEveryExpertAboutEquallyOften) {
  std::vector<int> times(8, 0);
  std::set<std::vector<int>> drawn;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (const int expert : draw(seed, 0)) ++times[static_cast<std::size_t>(expert)];
    drawn.insert(draw(seed, 0));
  }
  for (const int count : times) EXPECT_NEAR(count, 50, 25);  // 5 standard deviations of 5
  EXPECT_GT(drawn.size(), 40u);                              // of 70 ways to draw 4 of 8
  EXPECT_NE(draw(3, 0), draw(3, 1));
}

}  // namespace
}  // namespace uncurl::prune
