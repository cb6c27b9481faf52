#include "uncurl/study/sweep/findings.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "uncurl/study/sweep/cross_task.h"

namespace uncurl::study {
namespace {

constexpr std::uint64_t kSeed = 0;  // of all resampling: the same points give the same intervals

std::vector<MethodThreshold> thresholds(const Evidence& evidence, const SweepRequest& request,
                                        const std::vector<Point>& points) {
  const Resamples resamples(evidence.stats.held_out.source_of_row, kNumResamples, kSeed);
  std::vector<std::string> methods;
  std::map<std::string, std::vector<CountedRows>> by_method;
  for (const Point& point : points) {
    if (point.mixed || !has_usual_router(point, request)) continue;
    if (!by_method.contains(point.method)) methods.push_back(point.method);
    by_method[point.method].push_back({point.experts, &point.rows});
  }
  std::vector<MethodThreshold> found;
  for (const std::string& method : methods) {
    found.push_back({method, find_threshold(by_method[method], evidence.original.model().config.num_experts,
                                            request.tolerance, resamples)});
  }
  return found;
}

std::vector<std::size_t> pareto(const std::vector<Point>& points) {
  std::vector<double> sizes, losses;
  for (const Point& point : points) {
    sizes.push_back(static_cast<double>(point.bytes));
    losses.push_back(mean_kl(point));
  }
  return pareto_front(sizes, losses);
}

std::vector<RankCheck> rank_checks(const SweepRequest& request, const std::vector<Point>& points) {
  std::vector<RankCheck> checks;
  std::vector<std::int64_t> counts = {0};
  counts.insert(counts.end(), request.counts.begin(), request.counts.end());
  for (const std::int64_t count : counts) {
    std::vector<double> predicted, measured;
    for (const Point& point : points) {
      if (point.error_of_layer.empty() || (count != 0 && point.experts != count)) continue;
      predicted.push_back(*point.predicted_error());
      measured.push_back(mean_kl(point));
    }
    if (predicted.size() < 3) continue;  // two points are always in order, or always not
    checks.push_back({count, spearman_estimate(predicted, measured, kNumResamples, kSeed)});
  }
  return checks;
}

std::vector<std::string> source_names(const prune::RoutingStats& stats) {
  std::vector<std::string> names;
  for (const prune::SourceInfo& source : stats.sources) names.push_back(source.name);
  return names;
}

std::optional<CrossTask> cross_task(const prune::RoutingStats& stats, const std::vector<Point>& alone) {
  if (alone.empty()) return std::nullopt;
  CrossTask cross{.method = alone.front().method,
                  .experts = alone.front().experts,
                  .tasks = short_names(source_names(stats)),
                  .kl = {},
                  .overlap = usage_overlap(stats)};
  const std::vector<std::string> held_out = short_names(stats.held_out.source_names);
  for (const Point& point : alone) {
    const std::vector<prune::Quality> qualities = prune::summarize_rows(point.rows, stats.held_out);
    cross.kl.emplace_back();
    for (const std::string& task : cross.tasks) {
      const auto found = std::find_if(qualities.begin(), qualities.end(), [&](const prune::Quality& quality) {
        const auto name =
            std::find(stats.held_out.source_names.begin(), stats.held_out.source_names.end(), quality.source);
        return name != stats.held_out.source_names.end() &&
               held_out[static_cast<std::size_t>(name - stats.held_out.source_names.begin())] == task;
      });
      if (found == qualities.end()) return std::nullopt;
      cross.kl.back().push_back(found->kl);
    }
  }
  return cross;
}

}  // namespace

std::vector<std::string> short_names(const std::vector<std::string>& names) {
  std::vector<std::string> stems;
  for (const std::string& name : names) {
    const std::string file = std::filesystem::path(name).filename().string();
    stems.push_back(file.substr(0, file.find('.')));
  }
  std::vector<std::string> shortened;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool unique = std::count(stems.begin(), stems.end(), stems[i]) == 1 && !stems[i].empty() && stems[i] != "all";
    shortened.push_back(unique ? stems[i] : names[i]);
  }
  return shortened;
}

Findings find(const Evidence& evidence, const SweepRequest& request, const std::vector<Point>& points,
              const std::vector<Point>& alone) {
  return {.thresholds = thresholds(evidence, request, points),
          .pareto = pareto(points),
          .ranking = rank_checks(request, points),
          .cross_task = cross_task(evidence.stats, alone)};
}

}  // namespace uncurl::study
