#include "uncurl/eval/score.h"

#include "tests/eval/fixtures.h"

namespace uncurl::eval {
namespace {

const std::vector<std::int32_t> kBeginning = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};

std::vector<std::int32_t> with_ending(std::vector<std::int32_t> ending) {
  ending.insert(ending.begin(), kBeginning.begin(), kBeginning.end());
  return ending;
}

const std::vector<Request> kRequests = {
    {with_ending({3, 4, 5}), 17}, {with_ending({3, 9}), 17}, {with_ending({8}), 17}, {{9, 8, 7}, 1}};

/// Scores of all requests, block by block.
TokenScores scores_of(const TinyStream& tiny, const PackedRequests& packed, const std::vector<Block>& blocks,
                      const EditFunction& edit = {}) {
  TokenScores scores = empty_scores(packed);
  for (const Block& block : blocks) {
    add_scores_(scores, final_hidden(*tiny.stream, packed, block, edit, "test", {}), tiny.stream->head(), packed,
                block);
  }
  return scores;
}

/// Against each text run alone through the model, log-softmax in fp64.
void expect_scores_of_texts_alone(const TinyStream& tiny, const PackedRequests& packed, const TokenScores& scores) {
  for (std::size_t r = 0; r < kRequests.size(); ++r) {
    const Tensor logprobs = tiny.logprobs(kRequests[r].ids);
    for (std::int64_t i = 0; i < kRequests[r].num_scored(); ++i) {
      const std::int64_t at = kRequests[r].first_scored + i - 1, q = packed.begins[r] + i;
      const std::int64_t target = kRequests[r].ids[static_cast<std::size_t>(at) + 1];
      EXPECT_NEAR(scores.logprob_Q[q].item<double>(), logprobs[at][target].item<double>(), 1e-5) << r << " " << i;
      EXPECT_EQ(scores.greedy_Q[q].item<bool>(), logprobs[at].argmax().item<std::int64_t>() == target);
    }
  }
}

TEST(Score, IsTheLogLikelihoodOfEachTextByItself) {
  const TinyStream tiny;
  const PackedRequests packed = pack_requests(kRequests);
  ASSERT_LT(packed.rows.num_tokens(), 30);  // the beginning is shared
  const std::vector<Block> blocks = blocks_of(packed);
  ASSERT_EQ(blocks.size(), 1u);
  expect_scores_of_texts_alone(tiny, packed, scores_of(tiny, packed, blocks));
}

// The three texts that begin alike are rows 0 to 2 of 17, 1 and 2 tokens with 4 predictions; then a row of 2.
TEST(Score, OfBlocksAreThoseOfAllRowsTogether) {
  const TinyStream tiny;
  const PackedRequests packed = pack_requests(kRequests);
  ASSERT_THAT(packed.rows.begins, testing::ElementsAre(0, 17, 18, 20, 22));
  const std::vector<Block> two = {{0, 3, 0, 4}, {3, 4, 4, 6}};
  expect_scores_of_texts_alone(tiny, packed, scores_of(tiny, packed, two));
}

// 3 * 50000 tokens: the third row would be more than 131072 with the other two.
TEST(Score, BlocksHoldWholeRowsAndTheirPredictions) {
  const Request row{std::vector<std::int32_t>(50001, 1), 49999};
  Request second = row, third = row;
  second.ids[0] = 2;
  third.ids[0] = 3;
  const std::vector<Block> blocks = blocks_of(pack_requests({row, second, third}));
  ASSERT_EQ(blocks.size(), 2u);
  EXPECT_EQ(blocks[0].end_row, 2);
  EXPECT_EQ(blocks[0].end_position, 4);
  EXPECT_EQ(blocks[1].first_row, 2);
  EXPECT_EQ(blocks[1].end_position, 6);
}

TEST(Score, TriesAnEditWithoutWritingIt) {
  const TinyStream tiny;
  const PackedRequests packed = pack_requests(kRequests);
  const auto scores = [&](const EditFunction& edit) {
    return scores_of(tiny, packed, blocks_of(packed), edit).logprob_Q;
  };
  const Tensor before = scores({});
  const auto turned = [](model::LayerWeights weights, std::int64_t) {
    weights.moe.router = weights.moe.router * -1;
    return weights;
  };
  EXPECT_GT((scores(turned) - before).abs().max().item<double>(), 1e-3);
  EXPECT_TRUE(test::identical(scores({}), before));
}

TEST(Score, NamesTheTextThatGivesNoNumber) {
  const PackedRequests packed = pack_requests({{{9, 8, 7}, 1, "the text"}});
  const auto refusal = [&](const std::string& tensor) {
    const TinyStream tiny({}, overflowing(tensor));
    return test::error_of([&] { scores_of(tiny, packed, blocks_of(packed)); });
  };
  EXPECT_THAT(refusal("model.layers.1.self_attn.o_proj.weight"),
              testing::HasSubstr("the text: layer 1: the hidden state of token 0 is NaN or infinite"));
  EXPECT_THAT(refusal("lm_head.weight"),
              testing::HasSubstr("the text: the log-likelihood of judged token 0 is NaN or infinite"));
}

// KL by its definition from the fp64 log-probabilities of two models.
TEST(Score, ComparesThePredictionsOfTwoModels) {
  const TinyStream original, other({.seed = 2});
  const PackedRequests packed = pack_requests({{{1, 2, 3, 4}, 1}});
  const Block block = blocks_of(packed).front();
  const TokenComparison found = compare_tokens(
      final_hidden(*original.stream, packed, block, {}, "test", {}), original.stream->head(),
      final_hidden(*other.stream, packed, block, {}, "test", {}), other.stream->head(), at::tensor({0, 2}, at::kLong));
  const Tensor p = original.logprobs({1, 2, 3, 4}), q = other.logprobs({1, 2, 3, 4});
  const Tensor kl = (p.exp() * (p - q)).sum(-1), agrees = (p.argmax(-1) == q.argmax(-1)).to(at::kDouble);
  EXPECT_TRUE(test::near(found.kl, at::stack({kl[0], kl[2]}), 1e-5));
  EXPECT_TRUE(test::identical(found.agrees, at::stack({agrees[0], agrees[2]})));
  EXPECT_GT(kl[0].item<double>(), 0.01);
}

}  // namespace
}  // namespace uncurl::eval
