#include "uncurl/study/sweep/point.h"

#include <cmath>
#include <limits>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/prune/planner.h"
#include "uncurl/prune/predict.h"

namespace uncurl::study {
namespace {

/// The fields of RowSums with their names in the file.
constexpr std::pair<const char*, double prune::RowSums::*> kRowFields[] = {
    {"tokens", &prune::RowSums::tokens},
    {"loss_original", &prune::RowSums::loss_original},
    {"loss_pruned", &prune::RowSums::loss_pruned},
    {"kl", &prune::RowSums::kl},
    {"agrees", &prune::RowSums::agrees}};

Json rows_json(const std::vector<prune::RowSums>& rows) {
  Json json = Json::object();
  for (const auto& [name, field] : kRowFields) {
    json[name] = Json::array();
    for (const prune::RowSums& row : rows) json[name].push_back(row.*field);
  }
  return json;
}

std::vector<prune::RowSums> read_rows(const JsonObject& object) {
  std::vector<prune::RowSums> rows(object.array("tokens").size());
  for (const auto& [name, field] : kRowFields) {
    const auto values = object.array(name).get<std::vector<double>>();
    check(values.size() == rows.size(), object.place(), ": '", name, "' has ", values.size(), " numbers, 'tokens' has ",
          rows.size());
    for (std::size_t r = 0; r < rows.size(); ++r) rows[r].*field = values[r];
  }
  return rows;
}

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json scores_json(const std::vector<TaskScore>& scores) {
  Json json = Json::array();
  for (const TaskScore& score : scores) {
    json.push_back({{"task", score.task},
                    {"metric", score.metric},
                    {"n", score.estimate.n},
                    {"value", score.estimate.mean},
                    {"low", finite(score.estimate.low)},
                    {"high", finite(score.estimate.high)}});
  }
  return json;
}

TaskScore read_score(const JsonObject& object) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return {object.string("task"),
          object.string("metric"),
          {object.number("value"), object.number("low", -kInfinity), object.number("high", kInfinity),
           object.integer("n")}};
}

}  // namespace

std::optional<double> Point::predicted_error() const {
  if (error_of_layer.empty()) return std::nullopt;
  return prune::total_error(error_of_layer);
}

std::string point_key(const PointRequest& request, const std::string& evidence) {
  Hasher hasher;
  hasher.add(evidence);
  hasher.add(request.name);
  hasher.add(json_text(prune::request_json(request.plan, request.experts)));
  hasher.add(request.source ? std::to_string(*request.source) : "all");
  return hasher.hex();
}

Json point_json(const Point& point) {
  return {{"key", point.key},
          {"method", point.method},
          {"router", point.router},
          {"experts", point.experts},
          {"mixed", point.mixed},
          {"parameters", point.parameters},
          {"bytes", point.bytes},
          {"predicted_speed", point.predicted_speed},
          {"experts_of_layer", point.experts_of_layer},
          {"error_of_layer", point.error_of_layer},
          {"groups", point.groups},
          {"rows", rows_json(point.rows)},
          {"scores", scores_json(point.scores)},
          {"seconds", point.seconds}};
}

Point read_point(const JsonObject& object) {
  Point point{.key = object.string("key"),
              .method = object.string("method"),
              .router = object.string("router"),
              .experts = object.integer("experts"),
              .mixed = object.boolean("mixed"),
              .parameters = object.integer("parameters"),
              .bytes = object.integer("bytes"),
              .predicted_speed = object.number("predicted_speed"),
              .rows = read_rows(object.object("rows")),
              .seconds = object.number("seconds")};
  object.array("experts_of_layer").get_to(point.experts_of_layer);
  object.array("error_of_layer").get_to(point.error_of_layer);
  object.array("groups").get_to(point.groups);
  for (const Json& score : object.array("scores")) point.scores.push_back(read_score(JsonObject(score, "a score")));
  return point;
}

}  // namespace uncurl::study
