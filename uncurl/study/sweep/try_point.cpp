#include "uncurl/study/sweep/try_point.h"

#include <algorithm>
#include <chrono>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/machine.h"
#include "uncurl/eval/judge.h"
#include "uncurl/prune/planner.h"
#include "uncurl/prune/predict.h"
#include "uncurl/prune/write.h"
#include "uncurl/study/sweep/cross_task.h"
#include "uncurl/study/sweep/speed.h"

namespace uncurl::study {
namespace {

using Clock = std::chrono::steady_clock;

bool merges(const prune::Plan& plan) {
  return std::any_of(plan.layers.begin(), plan.layers.end(), [](const prune::LayerPlan& layer) {
    return std::any_of(layer.groups.begin(), layer.groups.end(), [](const auto& group) { return !group.is_single(); });
  });
}

std::vector<std::vector<std::vector<int>>> members_of(const prune::Plan& plan) {
  std::vector<std::vector<std::vector<int>>> members;
  if (!merges(plan)) return members;
  for (const prune::LayerPlan& layer : plan.layers) {
    members.emplace_back();
    for (const prune::ExpertGroup& group : layer.groups) members.back().push_back(group.members);
  }
  return members;
}

/// "wmean", or "slice"; of a plan that mixes them, that of the merges.
std::string router_of(const prune::Plan& plan) {
  for (const prune::LayerPlan& layer : plan.layers) {
    if (layer.router != "slice") return layer.router;
  }
  return "slice";
}

/// The pruned layers of a plan as the rows reach them: each is made once, looked at, and kept if it is needed again.
class PlanTrial {
 public:
  PlanTrial(const model::LayerStream& original, const prune::Plan& plan,
            const std::vector<prune::LayerSummary>& summaries, bool keep)
      : original_(original), plan_(plan), summaries_(summaries), kept_(keep ? plan.layers.size() : 0) {}

  model::EditFunction edit() {
    return [this](model::LayerWeights weights, std::int64_t layer) {
      for (std::size_t i = 0; i < plan_.layers.size(); ++i) {
        if (plan_.layers[i].layer == layer) return prune::with_pruned(std::move(weights), pruned(i));
      }
      return weights;
    };
  }

  const std::vector<double>& error_of_layer() const { return error_of_layer_; }

 private:
  prune::PrunedLayer pruned(std::size_t i) {
    if (i < kept_.size() && kept_[i]) return *kept_[i];
    prune::PrunedLayer layer = prune::prune_layer(original_.model(), plan_, plan_.layers[i], summaries_[i]);
    if (summaries_[i].sample_inputs.defined() && i == error_of_layer_.size()) {
      error_of_layer_.push_back(prune::LayerProbe(original_, summaries_[i]).error(layer));
    }
    if (i < kept_.size()) kept_[i] = layer;
    return layer;
  }

  const model::LayerStream& original_;
  const prune::Plan& plan_;
  const std::vector<prune::LayerSummary>& summaries_;
  std::vector<double> error_of_layer_;
  std::vector<std::optional<prune::PrunedLayer>> kept_;
};

}  // namespace

std::string Evidence::hash() const {
  Hasher hasher;
  hasher.add(stats_hash);
  for (const eval::PreparedTask& task : tasks) hasher.add(task.content_hash);
  return hasher.hex();
}

std::vector<TaskScore> score_tasks(const Evidence& evidence, const model::EditFunction& edit,
                                   const Listener& listener) {
  const Tensor head_VD = evidence.original.head();
  std::vector<TaskScore> scores;
  for (const eval::PreparedTask& task : evidence.tasks) {
    eval::TokenScores tokens = eval::empty_scores(task.requests);
    for (const eval::Block& block : eval::blocks_of(task.requests)) {
      const Tensor final_nD = eval::final_hidden(evidence.original, task.requests, block, edit, task.name, listener);
      eval::add_scores_(tokens, final_nD, head_VD, task.requests, block);
    }
    const std::vector<eval::Metric> metrics = eval::judge(task, tokens, nullptr).metrics;
    if (!metrics.empty()) scores.push_back({task.name, metrics.front().name, metrics.front().estimate});
  }
  return scores;
}

PointRunner::PointRunner(const Evidence& evidence, PointLog& log)
    : evidence_(evidence), hash_(evidence.hash()), log_(log) {}

bool PointRunner::is_done(const PointRequest& request) const { return log_.find(point_key(request, hash_)) != nullptr; }

Point PointRunner::run(const PointRequest& request, const Listener& listener) {
  if (const Point* const point = log_.find(point_key(request, hash_))) return *point;
  return log_.append(measure(request, listener));
}

std::vector<TaskScore> PointRunner::score_original(const Listener& listener) const {
  return score_tasks(evidence_, {}, listener);
}

Point PointRunner::measure(const PointRequest& request, const Listener& listener) const {
  const Clock::time_point begin = Clock::now();
  const model::Model& model = evidence_.original.model();
  const prune::RoutingStats own = request.source ? only_source(evidence_.stats, *request.source) : evidence_.stats;
  const Listener quiet{.on_progress = listener.on_progress, .on_note = {}, .on_warning = {}};
  const prune::Plan plan = prune::make_plan(model, own, request.experts, request.plan, quiet);
  const std::vector<prune::LayerSummary> summaries = prune::mix_all(own, plan.weights);
  const std::vector<std::int64_t> experts = prune::experts_after(plan, model.config);
  const std::vector<checkpoint::TensorSpec> tensors = prune::tensors_after(model, experts);
  Point point{.key = point_key(request, hash_),
              .method = request.name,
              .router = router_of(plan),
              .experts = request.experts,
              .parameters = prune::num_parameters(tensors),
              .bytes = static_cast<std::int64_t>(prune::num_bytes(tensors)),
              .predicted_speed = predicted_speed(model, experts),
              .groups = members_of(plan)};
  for (const prune::LayerPlan& layer : plan.layers) point.experts_of_layer.push_back(layer.num_experts());
  point.mixed = std::any_of(point.experts_of_layer.begin(), point.experts_of_layer.end(),
                            [&](std::int64_t count) { return count != point.experts_of_layer.front(); });

  const bool fits = static_cast<std::uint64_t>(point.bytes) <= machine_limits().available_bytes / 2;
  PlanTrial trial(evidence_.original, plan, summaries, /*keep=*/fits && !evidence_.tasks.empty());
  point.rows = prune::measure_edit_by_row(evidence_.original, trial.edit(), evidence_.stats, "trying", listener);
  point.error_of_layer = trial.error_of_layer();
  point.scores = score_tasks(evidence_, trial.edit(), listener);
  point.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return point;
}

}  // namespace uncurl::study
