#include "cli/sweep_tables.h"

#include <algorithm>
#include <numeric>

#include "uncurl/base/error.h"

namespace uncurl::cli {
namespace {

/// Indices of the points, the larger counts first, of one count the least KL first.
std::vector<std::size_t> by_count_and_loss(const std::vector<study::Point>& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (points[a].experts != points[b].experts) return points[a].experts > points[b].experts;
    return study::mean_kl(points[a]) < study::mean_kl(points[b]);
  });
  return order;
}

void print_points(const prune::RoutingStats& stats, const study::SweepRequest& request,
                  const std::vector<study::Point>& points, const study::Findings& findings, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {{"method", "experts", "bytes", "speed", "error", "perplexity", "KL"}};
  const std::vector<prune::Quality> any = study::qualities_of(points.front(), stats.held_out);
  if (any.size() > 1) {
    for (std::size_t s = 0; s + 1 < any.size(); ++s) rows[0].push_back("KL " + any[s].source);
  }
  for (const study::TaskScore& score : points.front().scores) rows[0].push_back(score.metric + " " + score.task);
  for (const std::size_t i : by_count_and_loss(points)) {
    const study::Point& point = points[i];
    const std::vector<prune::Quality> qualities = study::qualities_of(point, stats.held_out);
    const bool front = std::find(findings.pareto.begin(), findings.pareto.end(), i) != findings.pareto.end();
    const std::optional<double> error = point.predicted_error();
    rows.push_back({study::point_label(point, request) + (front ? " *" : ""), std::to_string(point.experts),
                    bytes_text(static_cast<double>(point.bytes)), number_text(point.predicted_speed, 2) + "x",
                    error ? number_text(*error, 3) : "-",
                    estimate_text(prune::perplexity(qualities.back().loss_pruned), 2),
                    estimate_text(qualities.back().kl, 4)});
    if (qualities.size() > 1) {
      for (std::size_t s = 0; s + 1 < qualities.size(); ++s) {
        rows.back().push_back(number_text(qualities[s].kl.mean, 4));
      }
    }
    for (const study::TaskScore& score : point.scores) rows.back().push_back(estimate_text(score.estimate, 3));
  }
  terminal.say(concat("\n", table(rows),
                      "\n(*: nothing smaller loses less; in brackets: 95% interval over rows; perplexity of the "
                      "original ",
                      estimate_text(prune::perplexity(any.back().loss_original), 2), ")\n"));
}

void print_thresholds(const study::SweepRequest& request, const study::Findings& findings, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {{"method", "experts needed", "95%"}};
  for (const study::MethodThreshold& method : findings.thresholds) {
    const study::Threshold& threshold = method.threshold;
    rows.push_back({method.method, threshold.num_experts ? std::to_string(*threshold.num_experts) : "more than tried",
                    concat(threshold.low, " to ", threshold.high)});
  }
  terminal.say(table(rows) + "\n(the smallest count tried that, with all larger ones, costs at most " +
               number_text(request.tolerance, 3) + " nats a token)\n");
}

void print_cross_task(const study::CrossTask& cross, Terminal& terminal) {
  std::vector<std::vector<std::string>> kl = {{"pruned for"}}, overlap = {{"same experts"}};
  for (const std::string& task : cross.tasks) {
    kl[0].push_back("KL on " + task);
    overlap[0].push_back(task);
  }
  for (std::size_t a = 0; a < cross.tasks.size(); ++a) {
    kl.push_back({cross.tasks[a]});
    overlap.push_back({cross.tasks[a]});
    for (std::size_t b = 0; b < cross.tasks.size(); ++b) {
      kl.back().push_back(estimate_text(cross.kl[a][b], 4));
      overlap.back().push_back(number_text(cross.overlap[a][b], 2));
    }
  }
  terminal.say(concat(cross.method, " at ", cross.experts, " experts, pruned for one task and measured on another:\n") +
               table(kl) + "\n\n" + table(overlap) +
               "\n(share of their expert selections that two tasks have in common)\n");
}

void print_ranking(const std::vector<study::RankCheck>& ranking, Terminal& terminal) {
  std::vector<std::vector<std::string>> rows = {{"points", "number", "rank correlation"}};
  for (const study::RankCheck& check : ranking) {
    rows.push_back({check.num_experts == 0 ? "all" : concat("at ", check.num_experts, " experts"),
                    std::to_string(check.spearman.n), estimate_text(check.spearman, 2)});
  }
  terminal.say(table(rows) + "\n(Spearman's, of the predicted error with the measured KL)\n");
}

}  // namespace

void print_sweep(const prune::RoutingStats& stats, const study::SweepRequest& request,
                 const std::vector<study::Point>& points, const study::Findings& findings, Terminal& terminal) {
  print_points(stats, request, points, findings, terminal);
  print_thresholds(request, findings, terminal);
  if (findings.cross_task) print_cross_task(*findings.cross_task, terminal);
  if (!findings.ranking.empty()) print_ranking(findings.ranking, terminal);
}

}  // namespace uncurl::cli
