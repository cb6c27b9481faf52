// What pretraining reached: loss against the number of experts and along the way, and the dense model of equal loss.
#include <algorithm>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

bool is_sparse(const PretrainedModel& model) { return model.model.experts > 0; }

Figure loss_figure(const TrainedModels& trained) {
  Json rows = Json::array();
  Table table{.head = {"Model", "Parameters", "A token meets", "Validation loss", "Dense model of equal loss"}};
  for (const PretrainedModel& model : trained.pretrained) {
    const std::string equivalent = model.dense_equivalent
                                       ? count_text(static_cast<std::int64_t>(*model.dense_equivalent))
                                       : "outside of the curve";
    table.rows.push_back({model.model.name, count_text(model.parameters), count_text(model.active_parameters),
                          number_text(model.loss, 4), equivalent});
    rows.push_back({{"name", model.model.name},
                    {"kind", is_sparse(model) ? "experts" : "dense"},
                    {"parameters", model.parameters},
                    {"loss", rounded(model.loss)},
                    {"equivalent", equivalent}});
  }
  const Json x = with(
      quantitative("parameters", "Parameters"),
      {{"scale", {{"type", "log"}, {"nice", false}, {"padding", 20}}}, {"axis", {{"format", "~s"}, {"tickCount", 4}}}});
  const Json y = with(quantitative("loss", "Validation loss, nats a token"), {{"scale", {{"zero", false}}}});
  const Json color = {
      {"field", "kind"}, {"type", "nominal"}, {"title", nullptr}, {"scale", {{"domain", {"dense", "experts"}}}}};
  const Json tips = tooltip(
      {{"name", "model"}, {"parameters", "parameters"}, {"loss", "loss"}, {"equivalent", "dense model of equal loss"}});
  const Json line = {{"mark", {{"type", "line"}}}, {"encoding", {{"x", x}, {"y", y}, {"color", color}}}};
  const Json points = {
      {"mark", {{"type", "point"}, {"filled", true}, {"size", 60}}},
      {"encoding",
       {{"x", x}, {"y", y}, {"color", color}, {"shape", with(color, {{"legend", nullptr}})}, {"tooltip", tips}}}};
  const Json names = {{"mark", {{"type", "text"}, {"align", "left"}, {"dx", 7}, {"dy", -7}, {"color", "var(--soft)"}}},
                      {"encoding", {{"x", x}, {"y", y}, {"text", {{"field", "name"}}}}}};
  return {"Loss by size",
          "A token meets one expert, so sparse models cost what the small dense one costs.",
          {{"data", inline_data(rows)}, {"height", 300}, {"layer", {line, points, names}}},
          table};
}

Figure curve_figure(const TrainedModels& trained) {
  Json rows = Json::array();
  Table table{.head = {"Model", "Seed", "Tokens", "Loss"}, .num_labels = 2};
  std::vector<std::string> names;
  for (const PretrainedModel& model : trained.pretrained) {
    names.push_back(model.model.name);
    for (std::size_t seed = 0; seed < model.curves.size(); ++seed) {
      for (const ValidationPoint& point : model.curves[seed]) {
        rows.push_back(
            {{"method", model.model.name}, {"seed", seed}, {"tokens", point.tokens}, {"loss", rounded(point.loss)}});
        table.rows.push_back(
            {model.model.name, std::to_string(seed), count_text(point.tokens), number_text(point.loss, 4)});
      }
    }
  }
  const Json x = with(quantitative("tokens", "Tokens"), {{"axis", {{"format", "~s"}, {"tickCount", 5}}}});
  const Json y = with(quantitative("loss", "Validation loss"), {{"scale", {{"zero", false}}}});
  const Json color = by_method(names);
  const Json encoding = {{"x", x},
                         {"y", y},
                         {"color", color},
                         {"detail", {{"field", "seed"}}},
                         {"tooltip", tooltip({{"method", "model"}, {"tokens", "tokens"}, {"loss", "loss"}})}};
  return {"Loss along the way",
          "",
          {{"data", inline_data(rows)},
           {"height", 300},
           {"mark", {{"type", "line"}, {"point", true}}},
           {"encoding", encoding}},
          table};
}

/// The best sparse model beside the dense one, which costs as much a token.
std::string takeaway(const TrainedModels& trained) {
  const PretrainedModel *best = nullptr, *dense = nullptr;
  for (const PretrainedModel& model : trained.pretrained) {
    if (is_sparse(model) && (best == nullptr || model.loss < best->loss)) best = &model;
    if (model.model.name == "dense") dense = &model;
  }
  if (best == nullptr || dense == nullptr) return "";
  return "The best sparse model, " + best->model.name + ", reaches a loss of " + number_text(best->loss, 3) +
         ", the dense one of equal cost " + number_text(dense->loss, 3) + ".";
}

}  // namespace

std::optional<Section> pretraining_section(const Study& study) {
  if (!study.trained || study.trained->pretrained.empty()) return std::nullopt;
  const TrainedModels& trained = *study.trained;
  return Section{.id = "pretraining",
                 .title = "Pretraining",
                 .takeaway = takeaway(trained),
                 .body = figures_html({loss_figure(trained), curve_figure(trained)})};
}

}  // namespace uncurl::report
