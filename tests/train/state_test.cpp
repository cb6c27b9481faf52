#include "uncurl/train/state.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace uncurl::train {
namespace {

using test::error_of;
using testing::HasSubstr;

std::vector<Trained> trained(const std::vector<std::int64_t>& shape) {
  return {{.name = "w",
           .value = at::ones(shape),
           .mean = at::zeros(shape),
           .variance = at::zeros(shape),
           .step = at::zeros({})}};
}

TEST(TrainState, ReadsBackWhatWasSaved) {
  const test::TemporaryFolder folder;
  const StateFile state(folder / "state", "key");
  std::vector<Trained> saved = trained({2, 3}), read = trained({2, 3});
  saved[0].value = at::arange(6, at::kFloat).reshape({2, 3});
  state.save(saved, {.step = 5, .tokens = 40, .seconds = 1.5});
  EXPECT_EQ(state.load(read, {})->step, 5);
  EXPECT_TRUE(at::equal(read[0].value, saved[0].value));
}

TEST(TrainState, RefusesTensorsOfAnotherShape) {
  const test::TemporaryFolder folder;
  const StateFile state(folder / "state", "key");
  state.save(trained({3}), {});
  std::vector<Trained> other = trained({2, 3});  // to which a row of three could be broadcast
  EXPECT_THAT(error_of([&] { state.load(other, {}); }), HasSubstr("state: w is [3], expected [2, 3]"));
}

TEST(TrainState, RefusesAPositionBeforeTheFirstStep) {
  const test::TemporaryFolder folder;
  const StateFile state(folder / "state", "key");
  state.save(trained({3}), {.step = -1});
  std::vector<Trained> read = trained({3});
  EXPECT_THAT(error_of([&] { state.load(read, {}); }), HasSubstr("is of step -1"));
}

TEST(TrainState, RefusesTheStateOfAnotherRun) {
  const test::TemporaryFolder folder;
  StateFile(folder / "state", "one").save(trained({3}), {});
  std::vector<Trained> read = trained({3});
  EXPECT_THAT(error_of([&] { StateFile(folder / "state", "other").load(read, {}); }),
              HasSubstr("the state of another run"));
}

}  // namespace
}  // namespace uncurl::train
