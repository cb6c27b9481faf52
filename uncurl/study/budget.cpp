#include "uncurl/study/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "uncurl/base/error.h"

namespace uncurl::study {
namespace {

constexpr double kImpossible = std::numeric_limits<double>::infinity();
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

/// What the layers so far lose at least when they keep at most b experts, by b, and the option the last of them takes.
struct Stage {
  std::vector<double> damage;
  std::vector<std::size_t> option;
};

Stage next_stage(const std::vector<double>& before, const DamageCurve& curve) {
  Stage stage{std::vector<double>(before.size(), kImpossible), std::vector<std::size_t>(before.size(), kNone)};
  for (std::size_t b = 0; b < before.size(); ++b) {
    for (std::size_t o = 0; o < curve.size(); ++o) {
      const auto kept = static_cast<std::size_t>(curve[o].num_experts);
      if (kept > b) continue;
      const double damage = before[b - kept] + curve[o].damage;
      const bool fewer = damage == stage.damage[b] && stage.option[b] != kNone &&
                         curve[o].num_experts < curve[stage.option[b]].num_experts;
      if (damage < stage.damage[b] || fewer) {
        stage.damage[b] = damage;
        stage.option[b] = o;
      }
    }
  }
  return stage;
}

std::int64_t smallest_total(const std::vector<DamageCurve>& curves) {
  std::int64_t sum = 0;
  for (const DamageCurve& curve : curves) {
    const auto fewer = [](const LayerOption& a, const LayerOption& b) { return a.num_experts < b.num_experts; };
    sum += std::min_element(curve.begin(), curve.end(), fewer)->num_experts;
  }
  return sum;
}

}  // namespace

std::vector<std::size_t> allocate(const std::vector<DamageCurve>& curves, std::int64_t total) {
  for (std::size_t l = 0; l < curves.size(); ++l) {
    check(!curves[l].empty(), "layer ", l, " has no option to choose from");
    for (const LayerOption& option : curves[l]) {
      check(option.num_experts >= 0 && std::isfinite(option.damage), "layer ", l, ": an option keeps ",
            option.num_experts, " experts at a damage of ", option.damage, ", expected a count and a finite number");
    }
  }
  const std::int64_t smallest = smallest_total(curves);
  check(total >= smallest, "a budget of ", total, " experts is too small: the ", curves.size(),
        " layers keep at least ", smallest, " together");
  std::vector<Stage> stages;
  std::vector<double> before(static_cast<std::size_t>(total) + 1, 0.0);
  for (const DamageCurve& curve : curves) {
    stages.push_back(next_stage(before, curve));
    before = stages.back().damage;
  }
  std::vector<std::size_t> taken(curves.size());
  auto left = static_cast<std::size_t>(total);
  for (std::size_t l = curves.size(); l-- > 0;) {
    taken[l] = stages[l].option[left];
    left -= static_cast<std::size_t>(curves[l][taken[l]].num_experts);
  }
  return taken;
}

UniformChoice choose_uniform(const std::vector<std::int64_t>& counts,
                             const std::vector<std::vector<std::vector<double>>>& damages, std::int64_t total) {
  check(!counts.empty() && !damages.empty(), "there are no counts or no methods to choose from");
  const std::size_t num_layers = damages.front().size();
  std::optional<UniformChoice> best;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] * static_cast<std::int64_t>(num_layers) > total) continue;
    UniformChoice choice{.count = c};
    for (std::size_t l = 0; l < num_layers; ++l) {
      const auto less = [&](const auto& a, const auto& b) { return a[l][c] < b[l][c]; };
      const auto method = std::min_element(damages.begin(), damages.end(), less);
      choice.methods.push_back(static_cast<std::size_t>(method - damages.begin()));
      choice.damage += (*method)[l][c];
    }
    const bool better =
        !best || choice.damage < best->damage || (choice.damage == best->damage && counts[c] < counts[best->count]);
    if (better) best = std::move(choice);
  }
  check(best.has_value(), "a budget of ", total, " experts is too small: ", num_layers, " layers keep at least ",
        *std::min_element(counts.begin(), counts.end()), " each");
  return *best;
}

}  // namespace uncurl::study
