#include "uncurl/eval/score.h"

#include "tests/eval/fixtures.h"

namespace uncurl::eval {
namespace {

const std::vector<std::int32_t> kBeginning = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

std::vector<std::int32_t> with_ending(std::vector<std::int32_t> ending) {
  ending.insert(ending.begin(), kBeginning.begin(), kBeginning.end());
  return ending;
}

// Each text run alone through the model, log-softmax in fp64.
TEST(Score, IsTheLogLikelihoodOfEachTextByItself) {
  const TinyStream tiny;
  const std::vector<Request> requests = {
      {with_ending({3, 4, 5}), 17}, {with_ending({3, 9}), 17}, {with_ending({8}), 17}, {{9, 8, 7}, 1}};
  const PackedRequests packed = pack_requests(requests);
  ASSERT_LT(packed.rows.num_tokens(), 30);  // the beginning is shared
  const Tensor final_PD = final_hidden(*tiny.stream, packed, {}, "test", {});
  const TokenScores scores = token_scores(final_PD, tiny.stream->head(), packed);
  for (std::size_t r = 0; r < requests.size(); ++r) {
    const Tensor logprobs = tiny.logprobs(requests[r].ids);
    for (std::int64_t i = 0; i < requests[r].num_scored(); ++i) {
      const std::int64_t at = requests[r].first_scored + i - 1, q = packed.begins[r] + i;
      const std::int64_t target = requests[r].ids[static_cast<std::size_t>(at) + 1];
      EXPECT_NEAR(scores.logprob_Q[q].item<double>(), logprobs[at][target].item<double>(), 1e-5) << r << " " << i;
      EXPECT_EQ(scores.greedy_Q[q].item<bool>(), logprobs[at].argmax().item<std::int64_t>() == target);
    }
  }
}

TEST(Score, OfRowsJudgesEveryTokenButTheFirst) {
  const TinyStream tiny;
  const TokenScores scores = score_rows(*tiny.stream, model::pack_rows({{1, 2, 3}, {4, 5}}), {}, {});
  ASSERT_EQ(scores.logprob_Q.numel(), 3);
  EXPECT_NEAR(scores.logprob_Q[2].item<double>(), tiny.logprobs({4, 5})[0][5].item<double>(), 1e-5);
}

TEST(Score, TriesAnEditWithoutWritingIt) {
  const TinyStream tiny;
  const model::PackedRows rows = model::pack_rows({{1, 2, 3}});
  const TokenScores before = score_rows(*tiny.stream, rows, {}, {});
  const auto halved = [](model::LayerWeights weights, std::int64_t) {
    weights.moe.router = weights.moe.router * -1;
    return weights;
  };
  EXPECT_GT((score_rows(*tiny.stream, rows, halved, {}).logprob_Q - before.logprob_Q).abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(test::identical(score_rows(*tiny.stream, rows, {}, {}).logprob_Q, before.logprob_Q));
}

// KL by its definition from the fp64 log-probabilities of two models.
TEST(Score, ComparesThePredictionsOfTwoModels) {
  const TinyStream original, other({.seed = 2});
  const model::PackedRows rows = model::pack_rows({{1, 2, 3, 4}});
  const PackedRequests packed = whole_rows(rows);
  const TokenComparison found = compare_tokens(
      final_hidden(*original.stream, packed, {}, "test", {}), original.stream->head(),
      final_hidden(*other.stream, packed, {}, "test", {}), other.stream->head(), at::tensor({0, 2}, at::kLong));
  const Tensor p = original.logprobs({1, 2, 3, 4}), q = other.logprobs({1, 2, 3, 4});
  const Tensor kl = (p.exp() * (p - q)).sum(-1), agrees = (p.argmax(-1) == q.argmax(-1)).to(at::kDouble);
  EXPECT_TRUE(test::near(found.kl, at::stack({kl[0], kl[2]}), 1e-5));
  EXPECT_TRUE(test::identical(found.agrees, at::stack({agrees[0], agrees[2]})));
  EXPECT_GT(kl[0].item<double>(), 0.01);
}

}  // namespace
}  // namespace uncurl::eval
