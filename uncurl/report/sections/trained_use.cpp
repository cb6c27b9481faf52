// Which experts of each pretrained model a task uses.
#include <algorithm>
#include <numeric>

#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

std::vector<double> descending(std::vector<double> shares) {
  std::sort(shares.rbegin(), shares.rend());
  return shares;
}

Figure figure_of(const ExpertUse& use) {
  Json rows = Json::array();
  Table table{.head = {"Layer", "Most used expert's share", "Top quarter's share", "Never used"}};
  for (std::size_t l = 0; l < use.layers.size(); ++l) {
    const std::vector<double> shares = descending(use.shares[l]);
    const std::size_t quarter = (shares.size() + 3) / 4;
    const double top = std::accumulate(shares.begin(), shares.begin() + static_cast<std::ptrdiff_t>(quarter), 0.0);
    table.rows.push_back({std::to_string(use.layers[l]), percent_text(shares.front()), percent_text(top),
                          count_text(std::count(shares.begin(), shares.end(), 0.0))});
    for (std::size_t e = 0; e < shares.size(); ++e) {
      rows.push_back({{"layer", use.layers[l]}, {"rank", e}, {"share", rounded(shares[e])}});
    }
  }
  const Json x = with(quantitative("rank", "Experts, most used first"),
                      {{"axis", {{"grid", false}, {"tickMinStep", 1}, {"format", "d"}}}, {"scale", {{"nice", false}}}});
  return {use.model.name + " on " + use.task,
          "each layer in its own order.",
          {{"data", inline_data(rows)},
           {"height", rows_height(use.layers.size(), 28)},
           {"transform", Json::array({{{"calculate", "datum.rank + 1"}, {"as", "next"}}})},
           {"mark", {{"type", "rect"}}},
           {"encoding",
            {{"x", x},
             {"x2", {{"field", "next"}}},
             {"y", ordinal("layer", "Layer")},
             {"color", heat("share", "Share", ".0%")},
             {"tooltip", Json::array({{{"field", "layer"}, {"title", "layer"}},
                                      {{"field", "share"}, {"title", "share"}, {"format", ".2%"}}})}}}},
          table};
}

}  // namespace

std::optional<Section> trained_use_section(const Study& study) {
  if (!study.trained || study.trained->use.empty()) return std::nullopt;
  std::vector<Figure> figures;
  for (const ExpertUse& use : study.trained->use) figures.push_back(figure_of(use));
  return Section{
      .id = "expert-use", .title = "Which experts a task uses", .takeaway = "", .body = figures_html(figures)};
}

}  // namespace uncurl::report
