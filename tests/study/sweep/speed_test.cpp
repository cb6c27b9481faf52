#include "uncurl/study/sweep/speed.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"

namespace uncurl::study {
namespace {

TEST(ExpectedExperts, IsTopKOfASingleToken) { EXPECT_DOUBLE_EQ(expected_experts(32, 4, 1), 4); }

TEST(ExpectedExperts, IsThatOfAllDrawsCounted) {
  // Two tokens, one of two experts each: of four equally likely pairs two meet both. 0.5 * 1 + 0.5 * 2.
  EXPECT_DOUBLE_EQ(expected_experts(2, 1, 2), 1.5);
}

TEST(ExpectedExperts, IsAllOfThemWhereEachTokenMeetsAll) { EXPECT_DOUBLE_EQ(expected_experts(4, 4, 3), 4); }

class Speed : public testing::Test {
 protected:
  Speed() {
    test::write_tiny_checkpoint(folder_ / "model", {.num_layers = 2, .num_experts = 4, .top_k = 2});
    model_ = std::make_unique<const model::Model>(model::open_model(folder_ / "model"));
  }

  test::TemporaryFolder folder_;
  std::unique_ptr<const model::Model> model_;
};

TEST_F(Speed, CountsAllWeightsButUnmetExpertsAndTheEmbeddings) {
  // One token meets 2 of 4 experts in both layers; an expert is 3 matrices [8,16] of fp32, the embeddings [32,16].
  const double all = static_cast<double>(model_->checkpoint.total_bytes());
  EXPECT_DOUBLE_EQ(bytes_per_step(*model_, {4, 4}, 1), all - 2 * 2 * (3 * 8 * 16 * 4) - 32 * 16 * 4);
}

TEST_F(Speed, OfOneTokenGainsTheRowsOfTheRouterAlone) {
  // A dropped expert saves its router row of 16 fp32 values in each layer; the token meets 2 experts as before.
  EXPECT_DOUBLE_EQ(bytes_per_step(*model_, {4, 4}, 1) - bytes_per_step(*model_, {3, 3}, 1), 2 * 16 * 4);
}

TEST_F(Speed, OfTheModelItselfIsOne) {
  EXPECT_DOUBLE_EQ(predicted_speed(*model_, {4, 4}), 1);
  EXPECT_GT(predicted_speed(*model_, {2, 2}), predicted_speed(*model_, {3, 3}));
}

}  // namespace
}  // namespace uncurl::study
