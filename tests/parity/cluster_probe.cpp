// What test_clusterings.py runs: `cluster_probe CASES.json` clusters points and prints one list of labels a case. A
// case is {"points": [[...]], "algorithm": name, "groups": number}; the affinity is (1 + cosine) / 2 of the points.
#include <ATen/ATen.h>

#include <exception>
#include <iostream>

#include "uncurl/base/json.h"
#include "uncurl/cluster/clustering.h"

namespace {

using namespace uncurl;

at::Tensor points_of(const Json& rows) {
  std::vector<double> values;
  for (const Json& row : rows) {
    for (const Json& value : row) values.push_back(value.get<double>());
  }
  return at::tensor(values, at::kDouble).view({static_cast<std::int64_t>(rows.size()), -1});
}

cluster::Labels labels_of(const Json& test) {
  const at::Tensor points = points_of(test["points"]);
  const at::Tensor units = points / points.norm(2, at::IntArrayRef({1}), /*keepdim=*/true);
  Rng rng(1);
  return cluster::cluster({.points = points, .affinity = (1 + units.mm(units.t())) / 2}, test["groups"].get<int>(),
                          {.algorithm = test["algorithm"].get<std::string>()}, rng);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: cluster_probe CASES.json\n";
    return 2;
  }
  try {
    for (const Json& test : read_json(argv[1])) std::cout << Json(labels_of(test)).dump() << "\n";
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
  return 0;
}
