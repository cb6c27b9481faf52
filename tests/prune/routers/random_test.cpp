#include <gmock/gmock.h>

#include "tests/prune/fixtures.h"
#include "uncurl/prune/routers/table.h"

namespace uncurl::prune {
namespace {

Groups singles(int count) {
  Groups groups;
  for (int e = 0; e < count; ++e) groups.push_back(single_group(e));
  return groups;
}

TEST(RandomRows, AreSpreadAsTheOldRowsAre) {
  const Tensor router_ED = 0.3 * random_tensor({32, 512}, 1);
  const Groups groups = singles(16);
  const LayerSummary summary = summary_of_counts(std::vector<double>(32, 1.0));
  const Tensor rows_GD = random_rows({router_ED, groups, summary, 1, 5});
  ASSERT_EQ(rows_GD.sizes(), at::IntArrayRef({16, 512}));
  const auto spread = [](const Tensor& t) { return t.to(at::kDouble).square().mean().sqrt().item<double>(); };
  EXPECT_NEAR(spread(rows_GD) / spread(router_ED), 1, 0.04);  // 5 standard errors: 5 / sqrt(2 * 8192)
  EXPECT_NEAR(rows_GD.mean().item<double>(), 0, 5 * 0.3 / std::sqrt(8192.0));
}

TEST(RandomRows, DependOnSeedAndLayerAlone) {
  const Tensor router_ED = random_tensor({4, 8}, 1);
  const Groups groups = singles(2);
  const LayerSummary first = summary_of_counts({1, 1, 1, 1}, 0), second = summary_of_counts({1, 1, 1, 1}, 1);
  const Tensor rows = random_rows({router_ED, groups, first, 1, 5});
  EXPECT_TRUE(identical(random_rows({router_ED, groups, first, 1, 5}), rows));
  EXPECT_FALSE(identical(random_rows({router_ED, groups, first, 1, 6}), rows));
  EXPECT_FALSE(identical(random_rows({router_ED, groups, second, 1, 5}), rows));
}

}  // namespace
}  // namespace uncurl::prune
