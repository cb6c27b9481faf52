// Items made from prototypes, so that the right groups are known; the numbers can be made in Python as well.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "uncurl/cluster/clustering.h"

namespace uncurl::cluster {

// x = (1664525 x + 1013904223) mod 2^32, (x >> 16) / 2^15 - 1.
inline Tensor congruential(std::int64_t count, std::uint32_t seed) {
  Tensor values = at::empty({count}, at::kDouble);
  for (std::int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    values.data_ptr<double>()[i] = static_cast<double>(seed >> 16) / 32768 - 1;
  }
  return values;
}

// Item i belongs to prototype i*i mod `prototypes`: groups of unequal sizes, some of them empty.
inline Labels planted_labels(int num_items, int prototypes) {
  Labels labels;
  for (int item = 0; item < num_items; ++item) labels.push_back(item * item % prototypes);
  return canonical(labels);
}

// [E,8] unit vectors: prototype plus noise.
inline Tensor planted_points(int num_items, int prototypes, double noise, std::uint32_t seed) {
  const Tensor values = congruential(std::int64_t{8} * (prototypes + num_items), seed).view({-1, 8});
  std::vector<std::int64_t> prototype_of;
  for (int item = 0; item < num_items; ++item) prototype_of.push_back(item * item % prototypes);
  const Tensor centers = values.index_select(0, at::tensor(prototype_of));
  const Tensor points = centers + noise * values.slice(0, prototypes);
  return points / points.norm(2, /*dim=*/1, /*keepdim=*/true);
}

// (1 + cosine) / 2 of the points.
inline Tensor planted_affinity(int num_items, int prototypes, double noise, std::uint32_t seed) {
  const Tensor points = planted_points(num_items, prototypes, noise, seed);
  return (1 + points.mm(points.t())) / 2;
}

}  // namespace uncurl::cluster
