#include "uncurl/report/trained_file.h"

#include "uncurl/base/error.h"
#include "uncurl/report/fields.h"

namespace uncurl::report {
namespace {

TrainedModel model_of(const JsonObject& object) {
  return {.name = object.string("model"),
          .experts = object.integer("experts"),
          .pruned_from = optional_integer(object, "pruned_from"),
          .method = object.string("method", "")};
}

std::vector<double> numbers_of(const JsonObject& object, const std::string& key) {
  return numbers(object.array(key), concat(object.place(), ": ", key));
}

std::vector<std::int64_t> integers_of(const JsonObject& object, const std::string& key) {
  return integers(object.array(key), concat(object.place(), ": ", key));
}

PretrainedModel pretrained_of(const JsonObject& object) {
  PretrainedModel pretrained{.model = model_of(object),
                             .parameters = object.integer("parameters"),
                             .active_parameters = object.integer("active_parameters"),
                             .loss = object.number("loss"),
                             .dense_equivalent = optional_number(object, "dense_equivalent"),
                             .curves = {}};
  for (const Json& curve : object.array("curves")) {
    std::vector<ValidationPoint> points;
    for (const Json& element : curve) {
      const JsonObject point(element, concat(object.place(), ": curves"));
      points.push_back({point.integer("tokens"), point.number("loss")});
    }
    pretrained.curves.push_back(std::move(points));
  }
  return pretrained;
}

ScoreDifference difference_of(const JsonObject& object) {
  ScoreDifference difference;
  difference.model = model_of(object);
  difference.other = object.string("other");
  difference.against = object.string("against");
  difference.task = object.string("task");
  difference.difference = estimate_of(object);
  difference.detectable = optional_number(object, "detectable");
  difference.seeds_needed = optional_integer(object, "seeds_needed");
  return difference;
}

ExpertUse use_of(const JsonObject& object) {
  ExpertUse use{.model = model_of(object),
                .task = object.string("task"),
                .layers = integers_of(object, "layers"),
                .shares = matrix(object, "shares")};
  check(use.layers.size() == use.shares.size(), object.place(), ": layers and shares are not as many");
  return use;
}

ClusterEmbedding embedding_of(const JsonObject& object) {
  ClusterEmbedding embedding{.model = model_of(object), .task = object.string("task"), .layers = {}};
  for (const JsonObject& layer : objects(object, "layers")) {
    EmbeddedLayer& entry = embedding.layers.emplace_back();
    entry.layer = layer.integer("layer");
    entry.x = numbers_of(layer, "x");
    entry.y = numbers_of(layer, "y");
    entry.share = numbers_of(layer, "share");
    entry.group = integers_of(layer, "group");
    const std::size_t experts = entry.x.size();
    check(entry.y.size() == experts && entry.share.size() == experts && entry.group.size() == experts, layer.place(),
          ": x, y, share and group are not as many");
  }
  return embedding;
}

TrainedModels trained_of(const JsonObject& file) {
  TrainedModels trained{.stages = file.integer("stages"),
                        .stages_done = file.integer("stages_done"),
                        .seeds = file.integer("seeds"),
                        .pretrain_seeds = file.integer("pretrain_seeds"),
                        .pretrain_tokens = file.integer("pretrain_tokens"),
                        .detect = file.number("detect")};
  for (const JsonObject& task : objects(file, "tasks")) {
    trained.tasks.push_back({task.string("task"), optional_number(task, "majority")});
  }
  for (const JsonObject& object : objects(file, "pretrained")) trained.pretrained.push_back(pretrained_of(object));
  for (const JsonObject& object : objects(file, "pruning")) {
    trained.pruning.push_back({model_of(object), object.string("task"), numbers_of(object, "kl_by_seed")});
  }
  for (const JsonObject& object : objects(file, "scores")) {
    trained.scores.push_back({model_of(object), object.string("task"), object.integer("n"), estimate_of(object),
                              numbers_of(object, "by_seed")});
  }
  for (const JsonObject& object : objects(file, "differences")) trained.differences.push_back(difference_of(object));
  for (const JsonObject& object : objects(file, "use")) trained.use.push_back(use_of(object));
  for (const JsonObject& object : objects(file, "embeddings")) trained.embeddings.push_back(embedding_of(object));
  return trained;
}

}  // namespace

Study read_trained(const JsonObject& file) {
  check(file.integer("version") == 1, file.place(), ": version is ", file.integer("version"),
        ", this program reads version 1");
  Study study;
  study.place = file.place();
  study.version = file.string("uncurl", "");
  study.model.name = concat("Study ", file.string("name"));
  study.trained = trained_of(file);
  return study;
}

}  // namespace uncurl::report
