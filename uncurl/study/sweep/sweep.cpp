#include "uncurl/study/sweep/sweep.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "uncurl/base/error.h"
#include "uncurl/prune/methods/table.h"
#include "uncurl/study/budget.h"

namespace uncurl::study {
namespace {

std::optional<std::string> first_router(const SweepRequest& sweep) {
  return sweep.routers.empty() ? std::nullopt : std::optional(sweep.routers.front());
}

/// @param router  none: the method's own
PointRequest point_request(const SweepRequest& sweep, const std::string& method,
                           const std::optional<std::string>& router, std::int64_t count) {
  PointRequest request{.name = method, .experts = count, .plan = {}, .source = {}};
  request.plan.method = method;
  request.plan.seed = sweep.seed;
  if (prune::find_method(method).merges) request.plan.router = router;
  return request;
}

/// Predicted errors of the first points: by method (with the first router), then by layer and count.
using Errors = std::vector<std::vector<std::vector<double>>>;

Errors errors_of(const SweepRequest& sweep, const std::vector<PointRequest>& requests,
                 const std::vector<Point>& points) {
  const std::size_t num_layers = points.front().error_of_layer.size();
  Errors errors(sweep.methods.size(),
                std::vector<std::vector<double>>(num_layers, std::vector<double>(sweep.counts.size(), INFINITY)));
  for (std::size_t p = 0; p < requests.size(); ++p) {
    const std::optional<std::string>& router = requests[p].plan.router;
    if (router && router != first_router(sweep)) continue;
    const auto method = std::find(sweep.methods.begin(), sweep.methods.end(), requests[p].name);
    const auto count = std::find(sweep.counts.begin(), sweep.counts.end(), requests[p].experts);
    for (std::size_t l = 0; l < num_layers; ++l) {
      errors[static_cast<std::size_t>(method - sweep.methods.begin())][l]
            [static_cast<std::size_t>(count - sweep.counts.begin())] = points[p].error_of_layer[l];
    }
  }
  return errors;
}

PointRequest auto_point(const model::ModelConfig& config, const SweepRequest& sweep, const Errors& errors,
                        std::size_t count) {
  Errors at_count = errors;
  for (auto& layers : at_count) {
    for (auto& layer : layers) layer = {layer[count]};
  }
  const std::vector<std::int64_t> layers = config.moe_layers();
  const std::int64_t experts = sweep.counts[count];
  const UniformChoice choice = choose_uniform({experts}, at_count, experts * static_cast<std::int64_t>(layers.size()));
  PointRequest request = point_request(sweep, sweep.methods[choice.methods.front()], first_router(sweep), experts);
  request.name = "auto";
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::string& method = sweep.methods[choice.methods[l]];
    request.plan.layer_methods[layers[l]] = method;
    if (prune::find_method(method).merges) request.plan.router = first_router(sweep);
  }
  return request;
}

/// None where every layer gets the same count, which the first points hold already.
std::optional<PointRequest> mixed_point(const model::ModelConfig& config, const SweepRequest& sweep,
                                        const Errors& errors, std::size_t method, std::size_t count) {
  PointRequest request = point_request(sweep, sweep.methods[method], first_router(sweep), sweep.counts[count]);
  request.plan.allow_mixed_counts = true;
  if (prune::find_method(request.name).mixed_counts) return request;
  const std::vector<std::int64_t> layers = config.moe_layers();
  std::vector<DamageCurve> curves;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::int64_t all = config.layers[static_cast<std::size_t>(layers[l])].num_experts;
    DamageCurve curve = {{all, 0.0}};
    for (std::size_t c = 0; c < sweep.counts.size(); ++c) {
      if (sweep.counts[c] < all) curve.push_back({sweep.counts[c], errors[method][l][c]});
    }
    curves.push_back(std::move(curve));
  }
  const std::int64_t total = sweep.counts[count] * static_cast<std::int64_t>(layers.size());
  const std::vector<std::size_t> taken = allocate(curves, total);
  bool differ = false;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const std::int64_t experts = curves[l][taken[l]].num_experts;
    differ = differ || experts != sweep.counts[count];
    request.plan.layer_experts[layers[l]] = experts;
  }
  return differ ? std::optional(request) : std::nullopt;
}

/// The listener of one point, which tells its progress as a part of that of all.
Listener part_of(const Listener& listener, const std::string& label, std::int64_t done, std::int64_t part,
                 std::int64_t total) {
  return {.on_progress =
              [=](const Progress& step) {
                const bool measuring = step.total == part;  // planning and scoring do not advance the bar
                listener.progress({label, "tokens", done + (measuring ? step.done : 0), total});
              },
          .on_note = {},
          .on_warning = listener.on_warning};
}

}  // namespace

std::vector<PointRequest> first_points(const model::ModelConfig& config, const SweepRequest& request) {
  std::vector<PointRequest> points;
  for (const std::int64_t count : request.counts) {
    for (const std::string& method : request.methods) {
      points.push_back(point_request(request, method, first_router(request), count));
      for (std::size_t r = 1; prune::find_method(method).merges && r < request.routers.size(); ++r) {
        points.push_back(point_request(request, method, request.routers[r], count));
      }
    }
  }
  for (const PointRequest& point : points) prune::check_request(config, point.experts, point.plan);
  return points;
}

std::vector<PointRequest> advised_points(const model::ModelConfig& config, const SweepRequest& request,
                                         const std::vector<PointRequest>& requests, const std::vector<Point>& points) {
  std::vector<PointRequest> advised;
  if (points.empty() || points.front().error_of_layer.empty()) return advised;
  const Errors errors = errors_of(request, requests, points);
  for (std::size_t c = 0; c < request.counts.size(); ++c) {
    if (request.methods.size() > 1) advised.push_back(auto_point(config, request, errors, c));
    const bool can_differ = request.allow_mixed_counts && request.counts[c] > config.routing.top_k;
    for (std::size_t m = 0; can_differ && m < request.methods.size(); ++m) {
      if (std::optional<PointRequest> mixed = mixed_point(config, request, errors, m, c)) {
        advised.push_back(std::move(*mixed));
      }
    }
  }
  return advised;
}

std::vector<PointRequest> cross_task_points(const model::ModelConfig& config, std::size_t num_sources,
                                            const std::vector<PointRequest>& requests,
                                            const std::vector<Point>& points) {
  std::optional<std::size_t> best;
  const auto distance = [&](std::size_t i) { return std::abs(2 * points[i].experts - config.num_experts); };
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool nearer = !best || distance(i) < distance(*best);
    if (nearer || (distance(i) == distance(*best) && mean_kl(points[i]) < mean_kl(points[*best]))) best = i;
  }
  std::vector<PointRequest> alone;
  for (std::size_t source = 0; best && num_sources > 1 && source < num_sources; ++source) {
    alone.push_back(requests[*best]);
    alone.back().source = source;
  }
  return alone;
}

std::vector<Point> run_points(PointRunner& runner, const Evidence& evidence, const std::vector<PointRequest>& requests,
                              const Listener& listener) {
  const std::int64_t part = evidence.original.model().config.num_layers() * evidence.stats.held_out.rows.num_tokens();
  std::int64_t left = 0, done = 0;
  for (const PointRequest& request : requests) left += runner.is_done(request) ? 0 : 1;
  const std::int64_t total = left * part;
  std::vector<Point> points;
  for (const PointRequest& request : requests) {
    const std::string label =
        concat("point ", points.size() + 1, " of ", requests.size(), ": ", request.name, " ", request.experts);
    const bool measures = !runner.is_done(request);
    points.push_back(runner.run(request, part_of(listener, label, done * part, part, total)));
    done += measures ? 1 : 0;
  }
  return points;
}

bool has_usual_router(const Point& point, const SweepRequest& request) {
  return request.routers.empty() || point.router == "slice" || point.router == request.routers.front();
}

double mean_kl(const Point& point) {
  double kl = 0, tokens = 0;
  for (const prune::RowSums& row : point.rows) {
    kl += row.kl;
    tokens += row.tokens;
  }
  return kl / tokens;
}

}  // namespace uncurl::study
