// Experts as points, as the clustering sees them, coloured by the cluster they went into.
#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

Figure figure_of(const ClusterEmbedding& embedding, const EmbeddedLayer& layer) {
  Json rows = Json::array();
  Table table{.head = {"Expert", "Cluster", "Share of the selections"}, .num_labels = 1};
  for (std::size_t e = 0; e < layer.x.size(); ++e) {
    const std::string cluster = std::to_string(layer.group[e]);
    rows.push_back({{"expert", e},
                    {"cluster", cluster},
                    {"x", rounded(layer.x[e])},
                    {"y", rounded(layer.y[e])},
                    {"share", rounded(layer.share[e])}});
    table.rows.push_back({std::to_string(e), cluster, percent_text(layer.share[e])});
  }
  const Json bare = {{"axis", {{"labels", false}, {"ticks", false}, {"grid", false}}}, {"scale", {{"zero", false}}}};
  const Json encoding = {
      {"x", with(quantitative("x", "second eigenvector"), bare)},
      {"y", with(quantitative("y", "third eigenvector"), bare)},
      {"color", {{"field", "cluster"}, {"type", "nominal"}, {"legend", nullptr}, {"scale", {{"scheme", "tableau20"}}}}},
      {"size", {{"field", "share"}, {"type", "quantitative"}, {"legend", nullptr}, {"scale", {{"range", {30, 400}}}}}},
      {"tooltip", Json::array({{{"field", "expert"}},
                               {{"field", "cluster"}},
                               {{"field", "share"}, {"format", ".2%"}, {"title", "share"}}})}};
  return {embedding.model.name + " for " + embedding.task + ", layer " + std::to_string(layer.layer),
          "one point an expert, larger where the task uses it more.",
          {{"data", inline_data(rows)},
           {"height", 260},
           {"mark", {{"type", "circle"}, {"opacity", 0.85}}},
           {"encoding", encoding}},
          table};
}

}  // namespace

std::optional<Section> embedding_section(const Study& study) {
  if (!study.trained || study.trained->embeddings.empty()) return std::nullopt;
  std::vector<Figure> figures;
  for (const ClusterEmbedding& embedding : study.trained->embeddings) {
    for (const EmbeddedLayer& layer : embedding.layers) figures.push_back(figure_of(embedding, layer));
  }
  return Section{.id = "clusters", .title = "Experts by cluster", .takeaway = "", .body = figures_html(figures)};
}

}  // namespace uncurl::report
