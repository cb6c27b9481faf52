#include "uncurl/study/protocol/study_file.h"

#include <algorithm>
#include <cmath>

namespace uncurl::study {
namespace {

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

template <class Value>
Json or_null(const std::optional<Value>& value) {
  return value ? Json(*value) : Json();
}

Json variant_json(const Variant& variant) {
  return {{"model", variant.name()},
          {"experts", variant.experts},
          {"pruned_from", variant.pruned_from > 0 ? Json(variant.pruned_from) : Json()},
          {"method", variant.method.empty() ? Json() : Json(variant.method)}};
}

void put_estimate(Json& json, const math::Estimate& estimate) {
  json["value"] = finite(estimate.mean);
  json["low"] = finite(estimate.low);
  json["high"] = finite(estimate.high);
  json["n"] = estimate.n;
}

Json pretrained_json(const Pretrained& model) {
  Json json = variant_json(model.variant);
  json["parameters"] = model.parameters;
  json["active_parameters"] = model.active_parameters;
  json["loss"] = model.loss();
  json["dense_equivalent"] = or_null(model.dense_equivalent);
  json["curves"] = Json::array();
  for (const std::vector<ValidationPoint>& curve : model.curves) {
    Json points = Json::array();
    for (const ValidationPoint& point : curve) points.push_back({{"tokens", point.tokens}, {"loss", point.loss}});
    json["curves"].push_back(std::move(points));
  }
  return json;
}

Json score_json(const ModelScore& score) {
  Json json = variant_json(score.variant);
  json["task"] = score.task;
  put_estimate(json, score.estimate);
  json["by_seed"] = Json::array();
  for (const std::vector<double>& rows : score.scores) {
    double sum = 0;
    for (const double row : rows) sum += row;
    json["by_seed"].push_back(sum / static_cast<double>(rows.size()));
  }
  return json;
}

Json difference_json(const ScoreDifference& difference) {
  Json json = variant_json(difference.variant);
  json["other"] = difference.other.name();
  json["against"] = against_name(difference.against);
  json["task"] = difference.task;
  put_estimate(json, difference.difference);
  json["detectable"] = or_null(difference.detectable);
  json["seeds_needed"] = or_null(difference.seeds_needed);
  return json;
}

Json use_json(const ExpertUse& use) {
  Json json = variant_json(use.variant);
  json["task"] = use.task;
  json["layers"] = use.layers;
  json["shares"] = use.shares;
  return json;
}

Json embedding_json(const ClusterEmbedding& embedding) {
  Json json = variant_json(embedding.variant);
  json["task"] = embedding.task;
  json["layers"] = Json::array();
  for (const LayerEmbedding& layer : embedding.layers) {
    json["layers"].push_back(
        {{"layer", layer.layer}, {"x", layer.x}, {"y", layer.y}, {"group", layer.group}, {"share", layer.share}});
  }
  return json;
}

template <class Entry, class ToJson>
Json list_json(const std::vector<Entry>& entries, ToJson to_json) {
  Json list = Json::array();
  for (const Entry& entry : entries) list.push_back(to_json(entry));
  return list;
}

/// The score of always giving the commonest answer of a task's validation rows; none before its first evaluation.
Json tasks_json(const StudyConfig& config, const StudyResults& results) {
  Json tasks = Json::array();
  for (const std::string& path : config.tasks) {
    const std::string task = task_name(path);
    const auto majority = results.majority.find(task);
    tasks.push_back(
        {{"task", task}, {"majority", majority == results.majority.end() ? Json() : Json(majority->second)}});
  }
  return tasks;
}

}  // namespace

Json study_json(const StudyConfig& config, const std::vector<Stage>& stages, const StudyResults& results) {
  const auto num_done = std::count_if(stages.begin(), stages.end(),
                                      [](const Stage& stage) { return std::filesystem::exists(stage.path); });
  return {{"kind", "study"},
          {"version", 1},
          {"uncurl", config.program},
          {"name", config.name},
          {"stages", stages.size()},
          {"stages_done", num_done},
          {"seeds", config.seeds},
          {"pretrain_seeds", config.pretrain_seeds},
          {"detect", config.detect},
          {"pretrain_tokens", config.pretrain.budget.tokens},
          {"tasks", tasks_json(config, results)},
          {"pretrained", list_json(results.pretrained, pretrained_json)},
          {"pruning", list_json(results.pruning,
                                [](const PruningLoss& pruning) {
                                  Json json = variant_json(pruning.variant);
                                  json["task"] = pruning.task;
                                  json["kl_by_seed"] = pruning.kl;
                                  return json;
                                })},
          {"scores", list_json(results.scores, score_json)},
          {"differences", list_json(results.differences, difference_json)},
          {"use", list_json(results.use, use_json)},
          {"embeddings", list_json(results.embeddings, embedding_json)}};
}

}  // namespace uncurl::study
