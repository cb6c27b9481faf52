// NAEE: the experts stay whose layer answers most like the whole one, judged by the output itself on kept inputs.
// Lu et al. 2024, "Not All Experts are Equal", arXiv 2402.14800, section 3.2. There all subsets are tried, which is for
// eight experts; where there are more subsets than kMostSubsets, experts are dropped one by one here, each time the one
// that is missed least. docs/method.md section 2.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "uncurl/base/error.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/prune/kept_tokens.h"
#include "uncurl/prune/methods/table.h"

namespace uncurl::prune {
namespace {

constexpr double kMostSubsets = 20000;       // tried one by one
constexpr std::size_t kSubsetsAtOnce = 256;  // between two reports of progress

using Experts = std::vector<std::int64_t>;  // ascending

/// A layer and what it answers on the kept tokens, by way of the inner products of its experts' outputs.
class Layer {
 public:
  Layer(const MethodInput& input, const LayerSummary& layer)
      : model_(input.model),
        layer_(layer.layer),
        tokens_(kept_tokens(layer)),
        products_mEE_(output_products(tokens_, model::stored_experts(input.model, layer.layer))) {
    Experts all;
    for (std::int64_t e = 0; e < layer.num_experts(); ++e) all.push_back(e);
    whole_ = routing_of(all);
  }

  /// sum over the tokens of w |y - y_C|^2, y_C what the layer answers with the experts C alone.
  double error(const Experts& kept) const;

 private:
  struct Gates {
    Tensor ids_mK, gates_mK;  ///< contiguous; numbers in the whole layer, gates in fp64
  };
  Gates routing_of(const Experts& kept) const {
    const nn::Routing routing = route_among(kept, tokens_, model_, layer_);
    return {at::tensor(kept, at::kLong).index_select(0, routing.ids_NK.reshape({-1})).view_as(routing.ids_NK),
            routing.gates_NK.to(at::kDouble).contiguous()};
  }

  const model::Model& model_;
  std::int64_t layer_;
  KeptTokens tokens_;
  Tensor products_mEE_;
  Gates whole_;
};

/// Experts of one token with what each adds to the difference of its two outputs.
struct Difference {
  std::vector<std::int64_t> experts;
  std::vector<double> gates;

  void add(std::int64_t expert, double gate) {
    const auto found = std::find(experts.begin(), experts.end(), expert);
    if (found != experts.end()) {
      gates[static_cast<std::size_t>(found - experts.begin())] += gate;
      return;
    }
    experts.push_back(expert);
    gates.push_back(gate);
  }

  /// |sum of gate times output|^2 from the inner products [E,E] of the token.
  double square(const float* products, std::int64_t num_experts) const {
    double sum = 0;
    for (std::size_t i = 0; i < experts.size(); ++i) {
      for (std::size_t j = 0; j < experts.size(); ++j) {
        sum += gates[i] * gates[j] * static_cast<double>(products[experts[i] * num_experts + experts[j]]);
      }
    }
    return sum;
  }
};

double Layer::error(const Experts& kept) const {
  const Gates rest = routing_of(kept);
  const std::int64_t m = products_mEE_.size(0), num_experts = products_mEE_.size(1), top_k = rest.ids_mK.size(1);
  const auto* const products = products_mEE_.const_data_ptr<float>();
  const Tensor weights_m = tokens_.weights_m.contiguous();
  const auto* const weights = weights_m.const_data_ptr<double>();
  const auto *const whole_ids = whole_.ids_mK.const_data_ptr<std::int64_t>(), *const rest_ids =
                                                                                  rest.ids_mK
                                                                                      .const_data_ptr<std::int64_t>();
  const auto *const whole_gates = whole_.gates_mK.const_data_ptr<double>(), *const rest_gates =
                                                                                rest.gates_mK.const_data_ptr<double>();
  double sum = 0;
  for (std::int64_t n = 0; n < m; ++n) {
    Difference difference;
    for (std::int64_t k = n * top_k; k < (n + 1) * top_k; ++k) {
      difference.add(whole_ids[k], whole_gates[k]);
      difference.add(rest_ids[k], -rest_gates[k]);
    }
    sum += weights[n] * difference.square(products + n * num_experts * num_experts, num_experts);
  }
  return sum;
}

/// The errors of all of these, in their order.
std::vector<double> errors_of(const Layer& layer, std::span<const Experts> subsets) {
  std::vector<double> errors(subsets.size());
  kernels::run_tasks(subsets.size(), [&] { return [&](std::size_t i) { errors[i] = layer.error(subsets[i]); }; });
  return errors;
}

/// Experts of `from` by place, ascending, and the protected ones.
Experts with_protected(const Experts& from, const std::vector<std::size_t>& places, const std::vector<int>& protect) {
  Experts kept(protect.begin(), protect.end());
  for (const std::size_t place : places) kept.push_back(from[place]);
  std::sort(kept.begin(), kept.end());
  return kept;
}

/// The next choice of places out of `count` in the order of their numbers; false after the last.
bool advance_(std::vector<std::size_t>& places, std::size_t count) {
  for (std::size_t i = places.size(); i-- > 0;) {
    if (places[i] == count - places.size() + i) continue;
    ++places[i];
    for (std::size_t j = i + 1; j < places.size(); ++j) places[j] = places[j - 1] + 1;
    return true;
  }
  return false;
}

double num_subsets(std::size_t count, std::size_t chosen) {
  double subsets = 1;
  for (std::size_t i = 1; i <= chosen; ++i) {
    subsets = std::round(subsets * static_cast<double>(count - chosen + i) / static_cast<double>(i));
    if (subsets > 1e15) return subsets;
  }
  return subsets;
}

/// Ties: the subset of the lower numbers.
Experts best_of_all(const Layer& layer, const Experts& free, std::size_t chosen, const std::vector<int>& protect,
                    const Progress& start, const Listener& listener) {
  std::vector<std::size_t> places(chosen);
  for (std::size_t i = 0; i < chosen; ++i) places[i] = i;
  Progress progress = start;
  progress.unit = "subsets";
  progress.total = static_cast<std::int64_t>(num_subsets(free.size(), chosen));
  Experts best;
  double least = std::numeric_limits<double>::infinity();
  for (bool more = true; more;) {
    std::vector<Experts> subsets;
    for (; more && subsets.size() < kSubsetsAtOnce; more = advance_(places, free.size())) {
      subsets.push_back(with_protected(free, places, protect));
    }
    const std::vector<double> errors = errors_of(layer, subsets);
    const auto found = std::min_element(errors.begin(), errors.end());
    if (*found < least) {
      least = *found;
      best = subsets[static_cast<std::size_t>(found - errors.begin())];
    }
    progress.done += static_cast<std::int64_t>(subsets.size());
    listener.progress(progress);
  }
  return best;
}

/// Ties: the expert of the higher number goes.
Experts drop_one_by_one(const Layer& layer, const Experts& all, std::size_t count, const std::vector<int>& protect,
                        const Progress& start, const Listener& listener) {
  Progress progress = start;
  progress.unit = "experts";
  progress.total = static_cast<std::int64_t>(all.size() - count);
  Experts kept = all;
  while (kept.size() > count) {
    std::vector<Experts> candidates;
    for (std::size_t place = kept.size(); place-- > 0;) {
      if (std::find(protect.begin(), protect.end(), kept[place]) != protect.end()) continue;
      candidates.push_back(kept);
      candidates.back().erase(candidates.back().begin() + static_cast<std::ptrdiff_t>(place));
    }
    const std::vector<double> errors = errors_of(layer, candidates);
    kept = candidates[static_cast<std::size_t>(std::min_element(errors.begin(), errors.end()) - errors.begin())];
    ++progress.done;
    listener.progress(progress);
  }
  return kept;
}

Groups group_layer(const MethodInput& input, const LayerSummary& layer) {
  const std::vector<int> protect = protected_experts(input, layer);
  Experts all, free;
  for (std::int64_t e = 0; e < layer.num_experts(); ++e) {
    all.push_back(e);
    if (std::find(protect.begin(), protect.end(), e) == protect.end()) free.push_back(e);
  }
  const auto count = static_cast<std::size_t>(input.num_experts_after);
  Experts kept = all;
  if (count < all.size()) {
    const Layer probe(input, layer);
    const Progress start{.label = concat("naee, layer ", layer.layer)};
    const std::size_t chosen = count - protect.size();
    kept = num_subsets(free.size(), chosen) <= kMostSubsets
               ? best_of_all(probe, free, chosen, protect, start, input.listener)
               : drop_one_by_one(probe, all, count, protect, start, input.listener);
  }
  Groups groups;
  for (const std::int64_t expert : kept) groups.push_back(single_group(static_cast<int>(expert)));
  return groups;
}

}  // namespace

std::vector<Groups> plan_naee(const MethodInput& input) {
  return plan_each_layer(input, [&](const LayerSummary& layer) { return group_layer(input, layer); });
}

}  // namespace uncurl::prune
