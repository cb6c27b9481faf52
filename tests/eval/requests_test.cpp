#include "uncurl/eval/requests.h"

#include "tests/eval/fixtures.h"

namespace uncurl::eval {
namespace {

using testing::ElementsAre;

std::vector<std::int64_t> list(const Tensor& t) {
  return {t.const_data_ptr<std::int64_t>(), t.const_data_ptr<std::int64_t>() + t.numel()};
}

std::vector<std::int32_t> counting(std::int32_t first, std::int32_t length) {
  std::vector<std::int32_t> ids;
  for (std::int32_t i = 0; i < length; ++i) ids.push_back(first + i);
  return ids;
}

// Two answers of one token to the same prompt: one row, one prediction, two judged tokens.
TEST(Requests, OfOneTokenShareTheirPrediction) {
  const PackedRequests packed = pack_requests({{{5, 6, 7, 1}, 3}, {{5, 6, 7, 2}, 3}});
  EXPECT_EQ(packed.rows.num_tokens(), 6);  // too short to share: three tokens each
  std::vector<std::int32_t> yes = counting(1, 20), no = counting(1, 20);
  yes.push_back(30);
  no.push_back(31);
  const PackedRequests longer = pack_requests({{yes, 20}, {no, 20}});
  EXPECT_EQ(longer.rows.num_rows(), 1);
  EXPECT_EQ(longer.rows.num_tokens(), 20);
  EXPECT_THAT(list(longer.positions_P), ElementsAre(19));
  EXPECT_THAT(list(longer.position_Q), ElementsAre(0, 0));
  EXPECT_THAT(list(longer.targets_Q), ElementsAre(30, 31));
}

// 20 tokens in common, then 3 and 2 of their own, of which the last is not run.
TEST(Requests, RunTheirCommonBeginningOnce) {
  std::vector<std::int32_t> a = counting(1, 20), b = counting(1, 20);
  a.insert(a.end(), {40, 41, 42});
  b.insert(b.end(), {50, 51});
  const PackedRequests packed = pack_requests({{b, 20}, {a, 20}});
  EXPECT_THAT(packed.rows.begins, ElementsAre(0, 22, 23));
  EXPECT_THAT(packed.request_of_row, ElementsAre(1, 0));  // in lexicographic order
  EXPECT_EQ(packed.rows.prefix(1).row, 0);
  EXPECT_EQ(packed.rows.prefix(1).length, 20);
  EXPECT_THAT(packed.begins, ElementsAre(0, 2, 5));
  EXPECT_THAT(list(packed.targets_Q), ElementsAre(50, 51, 40, 41, 42));
  EXPECT_THAT(list(packed.positions_P), ElementsAre(19, 20, 21, 22));
  EXPECT_THAT(list(packed.position_Q), ElementsAre(0, 3, 0, 1, 2));
}

TEST(Requests, RefuseToJudgeNothing) {
  EXPECT_THAT(test::error_of([] { pack_requests({{{1, 2}, 2}}); }), testing::HasSubstr("request 0 judges"));
  EXPECT_THAT(test::error_of([] { pack_requests({{{1, 2}, 0}}); }), testing::HasSubstr("after the first"));
}

}  // namespace
}  // namespace uncurl::eval
