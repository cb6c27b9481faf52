// A total number of experts shared out over the layers so that the predicted damage is least: a multiple-choice
// knapsack, solved exactly by dynamic programming. That damages of layers add up is an assumption; docs/results.md has
// how far it holds. docs/method.md section 9.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace uncurl::study {

/// One thing that can be done to a layer.
struct LayerOption {
  std::int64_t num_experts = 0;  ///< kept
  double damage = 0;             ///< predicted error of the layer, finite
};

using DamageCurve = std::vector<LayerOption>;  ///< of one layer, in any order, not empty

/// @param total  experts that all layers together may keep
/// @return the option taken of each curve: of all choices that keep at most `total`, the one of least summed damage; of
///         equals, fewer experts in the last layers
/// @throws Error if even the smallest options together are above `total`
/// Cost: layers x total x options.
std::vector<std::size_t> allocate(const std::vector<DamageCurve>& curves, std::int64_t total);

/// For engines that hold one number of experts: the uniform count of least damage, each layer with its best method.
struct UniformChoice {
  std::size_t count = 0;             ///< index into `counts`
  std::vector<std::size_t> methods;  ///< by layer: index into the methods
  double damage = 0;                 ///< summed over the layers
};

/// @param counts   what each layer may keep
/// @param damages  by method, layer and count
/// @param total    experts that all layers together may keep
/// Of equals the smaller count, and the method that stands first.
/// @throws Error if even the smallest count is above `total`
UniformChoice choose_uniform(const std::vector<std::int64_t>& counts,
                             const std::vector<std::vector<std::vector<double>>>& damages, std::int64_t total);

}  // namespace uncurl::study
