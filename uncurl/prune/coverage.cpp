#include "uncurl/prune/coverage.h"

#include <algorithm>
#include <functional>
#include <numeric>

#include "uncurl/prune/method.h"

namespace uncurl::prune {

std::vector<LayerCoverage> expert_coverage(const RoutingStats& stats) {
  std::vector<LayerCoverage> coverages;
  for (const LayerSummary& layer : mix_all(stats, {})) {
    LayerCoverage coverage{.layer = layer.layer};
    std::vector<double> counts = plain(layer.sums.count);
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    const double even_share = total / static_cast<double>(counts.size());
    for (std::size_t e = 0; e < counts.size(); ++e) {
      if (counts[e] == 0) {
        coverage.never_used.push_back(static_cast<int>(e));
      } else if (counts[e] < kHardlyUsedShare * even_share) {
        coverage.hardly_used.push_back(static_cast<int>(e));
      }
    }
    std::sort(counts.begin(), counts.end(), std::greater<>());
    const auto quarter = static_cast<std::ptrdiff_t>((counts.size() + 3) / 4);
    coverage.share_of_top_quarter = std::accumulate(counts.begin(), counts.begin() + quarter, 0.0) / total;
    coverages.push_back(std::move(coverage));
  }
  return coverages;
}

}  // namespace uncurl::prune
