#include "uncurl/study/budget.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/error_of.h"
#include "uncurl/base/random.h"

namespace uncurl::study {
namespace {

struct Total {
  std::int64_t experts = 0;
  double damage = 0;
};

Total total_of(const std::vector<DamageCurve>& curves, const std::vector<std::size_t>& taken) {
  Total total;
  for (std::size_t l = 0; l < curves.size(); ++l) {
    total.experts += curves[l][taken[l]].num_experts;
    total.damage += curves[l][taken[l]].damage;
  }
  return total;
}

/// Least damage of all combinations within the budget: every one is tried.
double least_damage(const std::vector<DamageCurve>& curves, std::int64_t budget) {
  std::vector<std::size_t> taken(curves.size(), 0);
  double least = INFINITY;
  while (true) {
    const Total total = total_of(curves, taken);
    if (total.experts <= budget) least = std::min(least, total.damage);
    std::size_t l = 0;
    while (l < curves.size() && ++taken[l] == curves[l].size()) taken[l++] = 0;
    if (l == curves.size()) return least;
  }
}

/// Damages that need not fall with the count, as measured ones need not.
std::vector<DamageCurve> random_curves(std::size_t num_layers, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<DamageCurve> curves(num_layers);
  for (DamageCurve& curve : curves) {
    const std::size_t num_options = 1 + rng.below(5);
    for (std::size_t o = 0; o < num_options; ++o) {
      curve.push_back({static_cast<std::int64_t>(2 + rng.below(9)), rng.uniform()});
    }
  }
  return curves;
}

TEST(Allocate, LosesWhatTheBestOfAllCombinationsLoses) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::vector<DamageCurve> curves = random_curves(2 + seed % 4, seed);
    for (const std::int64_t budget : {10, 17, 25, 40}) {
      const double least = least_damage(curves, budget);
      if (!std::isfinite(least)) {
        EXPECT_THROW(allocate(curves, budget), Error);
        continue;
      }
      const Total total = total_of(curves, allocate(curves, budget));
      EXPECT_LE(total.experts, budget) << "seed " << seed;
      EXPECT_NEAR(total.damage, least, 1e-12) << "seed " << seed << ", budget " << budget;
    }
  }
}

TEST(Allocate, TakesExpertsFromTheLayerThatMissesThemLeast) {
  const std::vector<DamageCurve> curves = {{{8, 0.0}, {4, 0.9}}, {{8, 0.0}, {4, 0.1}}};
  EXPECT_EQ(allocate(curves, 12), (std::vector<std::size_t>{0, 1}));
}

TEST(Allocate, TakesTheFewerOfExpertsThatChangeNothing) {
  EXPECT_EQ(allocate({{{8, 0.5}, {6, 0.5}}}, 8), std::vector<std::size_t>{1});
}

TEST(Allocate, SaysWhatTheSmallestBudgetIs) {
  const std::string message = test::error_of([] { allocate({{{8, 0.0}, {4, 1.0}}, {{6, 0.0}}}, 9); });
  EXPECT_NE(message.find("10"), std::string::npos) << message;
}

TEST(Allocate, RefusesDamagesThatAreNoNumbers) { EXPECT_THROW(allocate({{{4, INFINITY}}}, 8), Error); }

// Method 0 is best in layer 0, method 1 in layer 1: together 0.3 at 8 experts, 0.9 at 4.
const std::vector<std::vector<std::vector<double>>> kDamages = {{{0.1, 0.4}, {0.6, 0.8}}, {{0.5, 0.9}, {0.2, 0.5}}};

TEST(ChooseUniform, GivesEachLayerItsBestMethod) {
  const UniformChoice choice = choose_uniform({8, 4}, kDamages, 16);
  EXPECT_EQ(choice.count, 0u);
  EXPECT_EQ(choice.methods, (std::vector<std::size_t>{0, 1}));
  EXPECT_NEAR(choice.damage, 0.3, 1e-12);
}

TEST(ChooseUniform, KeepsWithinTheBudget) {
  const UniformChoice choice = choose_uniform({8, 4}, kDamages, 15);
  EXPECT_EQ(choice.count, 1u);
  EXPECT_NEAR(choice.damage, 0.9, 1e-12);
  EXPECT_THROW(choose_uniform({8, 4}, kDamages, 7), Error);
}

TEST(ChooseUniform, PrefersFewerExpertsThatLoseLess) { EXPECT_EQ(choose_uniform({8, 4}, {{{0.5, 0.4}}}, 8).count, 1u); }

}  // namespace
}  // namespace uncurl::study
