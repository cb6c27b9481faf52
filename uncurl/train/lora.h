// Low-rank updates of frozen matrices (Hu et al. 2021): W + (alpha / rank) B A.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "uncurl/train/config.h"
#include "uncurl/train/weights.h"

namespace uncurl::train {

struct LowRank {
  Tensor a;  ///< [rank,I], drawn uniformly from +-1/sqrt(I)
  Tensor b;  ///< [O,rank], zero at the start, so that the first step begins at the model as it was
  double scale = 1;

  Tensor updated(const Tensor& weight) const;  ///< [O,I], differentiable with respect to a and b
};

/// By parameter name: every matrix that `config.targets` name. The values depend on name, shape and seed alone.
/// @throws Error if a target matches no tensor, or no matrix
std::map<std::string, LowRank> draw_low_rank(const std::vector<Parameter>& parameters, const LoraConfig& config,
                                             std::uint64_t seed);

}  // namespace uncurl::train
