// The sweep: every method at every count on one observation, then what only follows from these points (budgets over
// layers, other tasks), each point measured once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "uncurl/study/sweep/ranking.h"
#include "uncurl/study/sweep/threshold.h"
#include "uncurl/study/sweep/try_point.h"

namespace uncurl::study {

struct SweepRequest {
  std::vector<std::string> methods;  ///< as in prune::methods(), no name twice
  std::vector<std::string> routers;  ///< of merging methods, each of them; none: each method's own
  std::vector<std::int64_t> counts;  ///< experts a layer keeps, descending
  std::uint64_t seed = 0;
  bool allow_mixed_counts = false;  ///< also spend each total over the layers as the predicted errors advise
  bool cross_task = true;           ///< also prune for each task alone
  double tolerance = 0.05;          ///< of the threshold: rise of the loss, nats a token
};

/// The points of every method, router and count, count by count. @throws what prune::check_request throws
std::vector<PointRequest> first_points(const model::ModelConfig& config, const SweepRequest& request);

/// What the predicted errors of the first points advise, for each count: `auto`, where every layer has the method of
/// least error, and with allow_mixed_counts each method with as many experts in total, spent by allocate() on the
/// counts that were tried. Methods that spread a total themselves do so instead. Empty without predicted errors.
std::vector<PointRequest> advised_points(const model::ModelConfig& config, const SweepRequest& request,
                                         const std::vector<PointRequest>& requests, const std::vector<Point>& points);

/// The method of least KL at the count nearest to half of the experts, pruned for each source alone.
std::vector<PointRequest> cross_task_points(const model::ModelConfig& config, std::size_t num_sources,
                                            const std::vector<PointRequest>& requests,
                                            const std::vector<Point>& points);

/// Runs what is not in the log yet. Progress is told over all points, in held-out tokens times layers.
std::vector<Point> run_points(PointRunner& runner, const Evidence& evidence, const std::vector<PointRequest>& requests,
                              const Listener& listener);

/// Whether the router is the one that points of the method have when only one is tried: the first, or its own.
bool has_usual_router(const Point& point, const SweepRequest& request);

/// KL of all held-out rows together, nats a token.
double mean_kl(const Point& point);

}  // namespace uncurl::study
