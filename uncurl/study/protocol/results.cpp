#include "uncurl/study/protocol/results.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/cluster/algorithms/spectral.h"
#include "uncurl/eval/eval_file.h"
#include "uncurl/prune/method.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats_file.h"
#include "uncurl/study/protocol/run_stage.h"
#include "uncurl/study/sweep/cross_task.h"

namespace uncurl::study {
namespace {

namespace fs = std::filesystem;

/// The entry of this variant and task, made if it is not there.
template <class Entry>
Entry& entry_of(std::vector<Entry>& entries, const Variant& variant, const std::string& task) {
  for (Entry& entry : entries) {
    if (entry.variant == variant && entry.task == task) return entry;
  }
  entries.push_back({.variant = variant, .task = task});
  return entries.back();
}

std::vector<ValidationPoint> curve_of(const fs::path& run) {
  const fs::path path = run / "log.jsonl";
  std::istringstream log(read_text(path));
  std::vector<ValidationPoint> points;
  int number = 0;
  for (std::string line; std::getline(log, line);) {
    const std::string place = concat(path.string(), ":", ++number);
    const Json json = parse_json(line, place);
    if (!json.contains("validation")) continue;
    with_json_context(place, [&] { points.push_back({json.at("tokens"), json.at("validation").at(0).at("loss")}); });
  }
  return points;
}

void add_pretrained(std::vector<Pretrained>& all, const Stage& stage) {
  auto known =
      std::find_if(all.begin(), all.end(), [&](const Pretrained& model) { return model.variant == stage.variant; });
  if (known == all.end()) {
    const Json facts = eval::model_json(model::open_model(stage.path));
    all.push_back({.variant = stage.variant,
                   .parameters = facts.at("parameters"),
                   .active_parameters = facts.at("active_parameters"),
                   .curves = {}});
    known = all.end() - 1;
  }
  known->curves.push_back(curve_of(stage.path));
}

void add_dense_equivalents(std::vector<Pretrained>& models) {
  std::vector<std::pair<double, double>> dense;
  for (const Pretrained& model : models) {
    if (model.variant.experts == 0) dense.emplace_back(static_cast<double>(model.parameters), model.loss());
  }
  for (Pretrained& model : models) model.dense_equivalent = parameters_of_equal_loss(dense, model.loss());
}

double kl_of(const fs::path& pruned) {
  const fs::path path = pruned / "result.json";
  const Json json = read_json(path);
  return with_json_context(path.string(), [&]() -> double {
    const Json& held_out = json.at("held_out");
    return held_out.at(held_out.size() - 1).at("kl").at("mean");
  });
}

/// The scores of the seeds that the other model has too.
math::RepeatedScores scores_of_common_seeds(const ModelScore& score, const ModelScore& other) {
  math::RepeatedScores scores;
  for (std::size_t s = 0; s < score.seeds.size(); ++s) {
    const bool common = std::find(other.seeds.begin(), other.seeds.end(), score.seeds[s]) != other.seeds.end();
    if (common) scores.push_back(score.scores[s]);
  }
  return scores;
}

void add_difference(std::vector<ScoreDifference>& differences, const std::vector<ModelScore>& scores,
                    const ModelScore& score, const Variant& other, Against against, double detect) {
  for (const ModelScore& reference : scores) {
    if (!(reference.variant == other) || reference.task != score.task) continue;
    const math::RepeatedScores before = scores_of_common_seeds(reference, score);
    const math::RepeatedScores after = scores_of_common_seeds(score, reference);
    if (before.empty()) continue;
    ScoreDifference difference{.task = score.task, .variant = score.variant, .other = other, .against = against};
    difference.difference = math::repeated_difference(before, after);
    if (before.size() > 1) {
      const math::Power power = math::power_of(before, after);
      difference.detectable = power.detectable(static_cast<std::int64_t>(before.size()));
      difference.seeds_needed = power.seeds_needed(detect);
    }
    differences.push_back(std::move(difference));
  }
}

std::vector<ScoreDifference> differences_of(const std::vector<ModelScore>& scores, double detect) {
  std::vector<ScoreDifference> differences;
  for (const ModelScore& score : scores) {
    const Variant& variant = score.variant;
    if (variant.pruned_from > 0) {
      add_difference(differences, scores, score, {.experts = variant.experts}, Against::kScratch, detect);
      add_difference(differences, scores, score, {.experts = variant.pruned_from}, Against::kUnpruned, detect);
    } else if (variant.experts > 0) {
      add_difference(differences, scores, score, {}, Against::kDense, detect);
    }
  }
  return differences;
}

ExpertUse use_of(const Stage& stage, const prune::RoutingStats& stats) {
  ExpertUse use{.variant = stage.variant, .task = task_name(stage.task)};
  for (const prune::LayerStats& layer : stats.layers) {
    use.layers.push_back(layer.layer);
    use.shares.push_back(usage_shares(layer, 0));
  }
  return use;
}

std::vector<int> groups_of(const prune::LayerPlan& layer, std::int64_t num_experts) {
  std::vector<int> groups(static_cast<std::size_t>(num_experts), -1);
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    for (const int member : layer.groups[g].members) groups[static_cast<std::size_t>(member)] = static_cast<int>(g);
  }
  return groups;
}

ClusterEmbedding embedding_of(const Stage& pruned, const prune::RoutingStats& stats) {
  const prune::Plan plan = prune::read_plan(pruned.path / "plan.json");
  const std::vector<prune::LayerSummary> layers = prune::mix_all(stats, {});
  ClusterEmbedding embedding{.variant = pruned.variant, .task = task_name(pruned.task)};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const at::Tensor affinity_EE = prune::layer_affinity(layers[l], {});
    const at::Tensor points_E3 = cluster::spectral_embedding(affinity_EE, 3, cluster::Laplacian::kSklearn);
    embedding.layers.push_back({.layer = layers[l].layer,
                                .x = prune::plain(points_E3.select(1, 1)),
                                .y = prune::plain(points_E3.select(1, 2)),
                                .group = groups_of(plan.layers[l], layers[l].num_experts()),
                                .share = usage_shares(stats.layers[l], 0)});
  }
  return embedding;
}

double majority_share(const std::vector<int>& labels) {
  std::map<int, std::int64_t> counts;
  for (const int label : labels) ++counts[label];
  std::int64_t most = 0;
  for (const auto& [label, count] : counts) most = std::max(most, count);
  return static_cast<double>(most) / static_cast<double>(labels.size());
}

void add_stage(StudyResults& results, const std::vector<Stage>& stages, const Stage& stage) {
  switch (stage.kind) {
    case StageKind::kPretrain:
      add_pretrained(results.pretrained, stage);
      break;
    case StageKind::kObserve:
      if (stage.seed == 0) results.use.push_back(use_of(stage, prune::read_stats(stage.path)));
      break;
    case StageKind::kPrune:
      entry_of(results.pruning, stage.variant, task_name(stage.task)).kl.push_back(kl_of(stage.path));
      if (stage.seed == 0 && stage.variant.method == "uncurl") {
        results.embeddings.push_back(embedding_of(stage, prune::read_stats(stages[*stage.statistics].path)));
      }
      break;
    case StageKind::kEvaluate: {
      const Evaluation evaluation = read_evaluation(stage.path);
      ModelScore& score = entry_of(results.scores, stage.variant, task_name(stage.task));
      score.seeds.push_back(stage.seed);
      score.scores.push_back(evaluation.scores);
      results.majority[task_name(stage.task)] = majority_share(evaluation.labels);
      break;
    }
    case StageKind::kWarmup:
    case StageKind::kPrefinetune:
    case StageKind::kFinetune:
      break;
  }
}

}  // namespace

const char* against_name(Against against) {
  switch (against) {
    case Against::kScratch:
      return "scratch";
    case Against::kUnpruned:
      return "unpruned";
    case Against::kDense:
      return "dense";
  }
  fail("unknown comparison");
}

double Pretrained::loss() const {
  double sum = 0;
  for (const std::vector<ValidationPoint>& curve : curves) {
    check(!curve.empty(), variant.name(), ": pretraining measured no validation loss; give it a 'validation'");
    sum += curve.back().loss;
  }
  return sum / static_cast<double>(curves.size());
}

std::optional<double> parameters_of_equal_loss(std::vector<std::pair<double, double>> points, double loss) {
  std::sort(points.begin(), points.end());
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const auto& [small, high] = points[i];
    const auto& [large, low] = points[i + 1];
    const bool between = (loss <= high && loss >= low) || (loss >= high && loss <= low);
    if (!between || high == low) continue;
    const double part = (high - loss) / (high - low);
    return std::exp(std::log(small) + part * (std::log(large) - std::log(small)));
  }
  return std::nullopt;
}

StudyResults collect(const StudyConfig& config, const std::vector<Stage>& stages) {
  StudyResults results;
  for (const Stage& stage : stages) {
    if (fs::exists(stage.path)) with_context(stage.name(), [&] { add_stage(results, stages, stage); });
  }
  add_dense_equivalents(results.pretrained);
  for (ModelScore& score : results.scores) score.estimate = math::repeated_estimate(score.scores);
  results.differences = differences_of(results.scores, config.detect);
  return results;
}

}  // namespace uncurl::study
