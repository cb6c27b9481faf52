#include "uncurl/prune/collect.h"

#include <gmock/gmock.h>

#include <cmath>

#include "tests/prune/fixtures.h"

namespace uncurl::prune {
namespace {

constexpr std::int64_t kTokens = 37, kExperts = 5, kTopK = 2, kWidth = 6;

/// What one MoE layer did with all tokens of a sweep.
struct Record {
  explicit Record(std::int64_t tokens = kTokens)
      : logits_NE(random_tensor({tokens, kExperts}, 1)),
        routing(nn::route(logits_NE, {.top_k = kTopK})),
        norms_NK(random_tensor({tokens, kTopK}, 2).abs()),
        inputs_ND(random_tensor({tokens, kWidth}, 3)),
        residual_ND(random_tensor({tokens, kWidth}, 4)),
        routed_ND(random_tensor({tokens, kWidth}, 5)) {}

  Tensor logits_NE;
  nn::Routing routing;
  Tensor norms_NK, inputs_ND, residual_ND, routed_ND;

  /// Shows tokens [begin, end) as one call.
  void show(StatsCollector& collector, std::int64_t begin, std::int64_t end, std::int64_t layer = 0) const {
    const auto part = [&](const Tensor& t) { return t.narrow(0, begin, end - begin); };
    const Tensor logits = part(logits_NE), norms = part(norms_NK), inputs = part(inputs_ND),
                 residual = part(residual_ND), routed = part(routed_ND), all_served;
    const nn::Routing route{part(routing.ids_NK), part(routing.gates_NK), part(routing.scores_NE)};
    collector.observe({layer, begin, logits, route, norms, inputs, residual, routed, all_served});
  }
};

/// The sums over some tokens, by loops.
ExpertSums naive_sums(const Record& record, const std::vector<std::int64_t>& tokens) {
  ExpertSums sums = zero_sums(kExperts);
  const auto add = [](Tensor& sum, std::int64_t e, double value) { sum[e] += value; };
  for (const std::int64_t n : tokens) {
    const std::vector<double> h = plain(record.logits_NE[n]), g = plain(record.routing.gates_NK[n]),
                              f = plain(record.norms_NK[n]), chosen = plain(record.routing.ids_NK[n]);
    double total = 0;
    for (const double logit : h) total += std::exp(logit);
    for (std::int64_t i = 0; i < kExperts; ++i) {
      const double h_i = h[static_cast<std::size_t>(i)];
      add(sums.logit_sum, i, h_i);
      add(sums.score_sum, i, std::exp(h_i) / total);
      for (std::int64_t j = 0; j < kExperts; ++j) sums.gram[i][j] += h_i * h[static_cast<std::size_t>(j)];
    }
    const std::vector<double> before = plain(record.residual_ND[n]), routed = plain(record.routed_ND[n]);
    double product = 0, before_square = 0, after_square = 0;
    for (std::size_t d = 0; d < kWidth; ++d) {
      product += before[d] * (before[d] + routed[d]);
      before_square += before[d] * before[d];
      after_square += (before[d] + routed[d]) * (before[d] + routed[d]);
    }
    const double turn = 1 - product / std::sqrt(before_square * after_square);
    for (std::size_t k = 0; k < kTopK; ++k) {
      const auto e = static_cast<std::int64_t>(chosen[k]);
      add(sums.count, e, 1);
      add(sums.gate_sum, e, g[k]);
      add(sums.norm_sum, e, f[k]);
      add(sums.norm_square_sum, e, f[k] * f[k]);
      add(sums.gate_norm_sum, e, g[k] * f[k]);
      add(sums.change_gate_norm_sum, e, turn * g[k] * f[k]);
      add(sums.renormalized_gate_norm_sum, e, g[k] / (g[0] + g[1]) * f[k]);
      sums.norm_max[e] = std::max(sums.norm_max[e].item<double>(), f[k]);
    }
    sums.num_tokens += 1;
  }
  return sums;
}

std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(end - begin));
  std::iota(tokens.begin(), tokens.end(), begin);
  return tokens;
}

void expect_same_sums(ExpertSums found, ExpertSums expected) {
  std::vector<Tensor> parts;
  for_each_sum(expected, [&](const char*, Tensor& sum, bool) { parts.push_back(sum); });
  std::size_t next = 0;
  for_each_sum(found, [&](const char* name, Tensor& sum, bool) {
    EXPECT_TRUE(test::near(sum, parts[next++], 1e-5)) << name;  // the scores are fp32
  });
  EXPECT_EQ(found.num_tokens, expected.num_tokens);
}

void expect_identical_sums(ExpertSums found, ExpertSums expected) {
  std::vector<Tensor> parts;
  for_each_sum(expected, [&](const char*, Tensor& sum, bool) { parts.push_back(sum); });
  std::size_t next = 0;
  for_each_sum(found, [&](const char* name, Tensor& sum, bool) { EXPECT_TRUE(identical(sum, parts[next++])) << name; });
}

TEST(StatsCollector, SumsEachSourceHoweverTheTokensAreCut) {
  const Record record;
  // Tokens 20 to 29 are held out; source 0 has two segments.
  const std::vector<Segment> segments = {{0, 8, 0}, {8, 20, 1}, {30, 37, 0}};
  std::vector<std::int64_t> first = range(0, 8);
  for (const std::int64_t token : range(30, 37)) first.push_back(token);
  for (const std::vector<std::int64_t>& cuts :
       {std::vector<std::int64_t>{0, 37}, {0, 8, 37}, {0, 3, 15, 16, 25, 33, 37}}) {
    StatsCollector collector(segments, 2, {}, 0, {kExperts});
    for (std::size_t c = 0; c + 1 < cuts.size(); ++c) record.show(collector, cuts[c], cuts[c + 1]);
    ASSERT_EQ(collector.layers().size(), 1u);
    expect_same_sums(collector.layers()[0].sources[0], naive_sums(record, first));
    expect_same_sums(collector.layers()[0].sources[1], naive_sums(record, range(8, 20)));
  }
}

TEST(StatsCollector, GivesTheSameBitsForAnyNumberOfThreads) {
  const std::int64_t tokens = 2 * kBlockTokens + 88;  // two sources: blocks of 256 and 44, of 256 and 44
  const Record record(tokens);
  const std::vector<Segment> segments = {{0, tokens / 2, 0}, {tokens / 2, tokens, 1}};
  const auto collect = [&](int threads) {
    const Threads scope(threads);
    StatsCollector collector(segments, 2, {}, 0, {kExperts});
    record.show(collector, 0, tokens);
    return collector.layers()[0].sources;
  };
  std::vector<ExpertSums> expected = collect(1);
  expect_same_sums(expected[0], naive_sums(record, range(0, tokens / 2)));
  expect_same_sums(expected[1], naive_sums(record, range(tokens / 2, tokens)));
  for (const int threads : {2, 3, 8}) {
    std::vector<ExpertSums> found = collect(threads);
    for (std::size_t s = 0; s < found.size(); ++s) expect_identical_sums(found[s], expected[s]);
  }
}

TEST(StatsCollector, AddsBlocksOfAFixedSizeInTheirOrder) {
  const std::int64_t tokens = 2 * kBlockTokens + 88;
  const Record record(tokens);
  const Threads scope(3);
  StatsCollector collector({{0, tokens, 0}}, 1, {}, 0, {kExperts});
  record.show(collector, 0, tokens);
  const auto norms_of_block = [&](std::int64_t begin, std::int64_t end) {  // by the definition, in one order
    std::vector<double> sums(kExperts, 0);
    for (std::int64_t n = begin; n < end; ++n) {
      const std::vector<double> f = plain(record.norms_NK[n]), chosen = plain(record.routing.ids_NK[n]);
      for (std::size_t k = 0; k < kTopK; ++k) sums[static_cast<std::size_t>(chosen[k])] += f[k];
    }
    return sums;
  };
  const std::vector<double> a = norms_of_block(0, kBlockTokens), b = norms_of_block(kBlockTokens, 2 * kBlockTokens),
                            c = norms_of_block(2 * kBlockTokens, tokens);
  std::vector<double> expected;
  for (std::size_t e = 0; e < kExperts; ++e) expected.push_back((a[e] + b[e]) + c[e]);
  EXPECT_EQ(plain(collector.layers()[0].sources[0].norm_sum), expected);
}

TEST(StatsCollector, DoesNotLetHeldOutTokensReachAnySum) {
  Record record;
  const auto collect = [&] {
    StatsCollector collector({{0, 20, 0}}, 1, {}, 0, {kExperts});
    record.show(collector, 0, kTokens);
    return collector.layers()[0].sources[0];
  };
  const ExpertSums before = collect();
  record.logits_NE.narrow(0, 20, 17).fill_(100);
  record.norms_NK.narrow(0, 20, 17).fill_(1e9);
  EXPECT_TRUE(identical(collect().gram, before.gram));
  EXPECT_TRUE(identical(collect().norm_max, before.norm_max));
  EXPECT_EQ(before.num_tokens, 20);
}

TEST(StatsCollector, KeepsLogitsAndInputsOfTheSampleInItsOrderAcrossCalls) {
  const Record record;
  const std::vector<std::int64_t> sample = {36, 9, 0, 10};
  StatsCollector collector({{0, kTokens, 0}}, 1, sample, 3, {kExperts});
  record.show(collector, 0, 10);
  record.show(collector, 10, 20);
  record.show(collector, 20, kTokens);
  const LayerStats& layer = collector.layers()[0];
  EXPECT_TRUE(identical(layer.sample_logits, record.logits_NE.index_select(0, at::tensor(sample, at::kLong))));
  EXPECT_TRUE(identical(layer.sample_inputs, record.inputs_ND.index_select(0, at::tensor({36, 9, 0}, at::kLong))));
}

TEST(StatsCollector, KeepsNoInputsUnlessAsked) {
  const Record record;
  StatsCollector collector({{0, kTokens, 0}}, 1, {4, 2}, 0, {kExperts});
  record.show(collector, 0, kTokens);
  EXPECT_FALSE(collector.layers()[0].sample_inputs.defined());
}

TEST(StatsCollector, KeepsLayersApart) {
  const Record record;
  StatsCollector collector({{0, kTokens, 0}}, 1, {}, 0, {kExperts, 0, kExperts});
  record.show(collector, 0, 10, 0);
  record.show(collector, 0, 30, 2);
  ASSERT_EQ(collector.layers().size(), 2u);
  EXPECT_EQ(collector.layers()[1].layer, 2);
  EXPECT_EQ(collector.layers()[0].sources[0].num_tokens, 10);
  EXPECT_EQ(collector.layers()[1].sources[0].num_tokens, 30);
}

TEST(StatsCollector, NamesLayerAndExpertOfALogitThatIsNotFinite) {
  Record record;
  record.logits_NE[11][3] = NAN;
  StatsCollector collector({{0, kTokens, 0}}, 1, {}, 0, {0, 0, kExperts});
  EXPECT_THAT(error_of([&] { record.show(collector, 0, kTokens, 2); }),
              HasSubstr("layer 2, expert 3: its router logit"));
}

}  // namespace
}  // namespace uncurl::prune
