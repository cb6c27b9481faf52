// How alike the experts of a layer are, ordered by the clusters that a merging method made of them, and how large the
// clusters of every layer are.
#include <algorithm>
#include <cstdlib>
#include <iomanip>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/report/figure.h"
#include "uncurl/report/section.h"
#include "uncurl/report/specs.h"

namespace uncurl::report {
namespace {

constexpr std::size_t kCellsOnPage = 50'000;  ///< what a phone still draws
constexpr std::size_t kMatrices = 6;          ///< what a reader still compares
constexpr double kCrowdedBelow = 0.05;        ///< of the largest: where the median pair is hard to see
constexpr std::size_t kTableExperts = 64;     ///< wider tables help nobody

/// The clustering that orders the matrices: one method at one count, the same for all layers.
struct Choice {
  std::string method;
  std::int64_t count = 0;
};

const Groups* find_groups(const LayerFacts& layer, const Choice& choice) {
  for (const auto& [method, counts] : layer.groups) {
    if (method != choice.method) continue;
    for (const auto& [count, groups] : counts) {
      if (count == choice.count) return &groups;
    }
  }
  return nullptr;
}

/// The paper's method where it was tried, else the first that merges; a quarter of the experts or the count next to it,
/// which makes clusters that can be seen.
std::optional<Choice> choose(const Study& study) {
  for (const LayerFacts& layer : study.layers) {
    if (layer.groups.empty()) continue;
    auto method = std::find_if(layer.groups.begin(), layer.groups.end(),
                               [](const auto& entry) { return entry.first == "uncurl"; });
    if (method == layer.groups.end()) method = layer.groups.begin();
    if (method->second.empty()) continue;
    const std::int64_t quarter = study.model.num_experts.value_or(0) / 4;
    const auto count = std::min_element(
        method->second.begin(), method->second.end(),
        [&](const auto& a, const auto& b) { return std::abs(a.first - quarter) < std::abs(b.first - quarter); });
    return Choice{method->first, count->first};
  }
  return std::nullopt;
}

/// Groups by size, largest first.
Groups by_size(Groups groups) {
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.size() > b.size(); });
  return groups;
}

/// Clusters first, then experts that belong to none.
struct Order {
  std::vector<std::size_t> experts;
  std::vector<std::size_t> cluster_sizes;
};

Order order_of(const LayerFacts& layer, const std::optional<Choice>& choice) {
  Order order;
  std::vector<bool> placed(layer.affinity.size(), false);
  const Groups* const groups = choice ? find_groups(layer, *choice) : nullptr;
  for (const auto& members : groups == nullptr ? Groups{} : by_size(*groups)) {
    for (const std::int64_t expert : members) {
      order.experts.push_back(static_cast<std::size_t>(expert));
      placed[static_cast<std::size_t>(expert)] = true;
    }
    order.cluster_sizes.push_back(members.size());
  }
  for (std::size_t expert = 0; expert < placed.size(); ++expert) {
    if (!placed[expert]) order.experts.push_back(expert);
  }
  return order;
}

/// Squares around the clusters of two and more, in cells from the upper left corner.
Json outlines(const Order& order) {
  Json rows = Json::array();
  std::size_t begin = 0;
  for (const std::size_t size : order.cluster_sizes) {
    if (size > 1) rows.push_back({{"begin", begin}, {"end", begin + size}});
    begin += size;
  }
  return rows;
}

Json edge(const std::string& field, bool is_down, std::size_t num_experts) {
  Json scale = {{"domain", {0, num_experts}}, {"nice", false}};
  if (is_down) scale["reverse"] = true;
  return with(quantitative(field, ""), {{"axis", nullptr}, {"scale", scale}});
}

/// Three significant digits: what colours show and tooltips tell.
double cell(double value) { return std::strtod(concat(std::setprecision(3), value).c_str(), nullptr); }

/// One number a cell in the data, in reading order; places and names are computed from its index.
Json spec(const LayerFacts& layer, const Order& order, const Json& scale) {
  const std::size_t num_experts = order.experts.size();
  Json cells = Json::array();
  for (const std::size_t a : order.experts) {
    for (const std::size_t b : order.experts) {
      cells.push_back(cell(layer.affinity[a][b]));
    }
  }
  const std::string n = std::to_string(num_experts), names = json_text(Json(order.experts));
  const Json places =
      Json::array({{{"window", Json::array({{{"op", "row_number"}, {"as", "i"}}})}},
                   {{"calculate", "(datum.i - 1) % " + n}, {"as", "column"}},
                   {{"calculate", "floor((datum.i - 1) / " + n + ")"}, {"as", "row"}},
                   {{"calculate", "datum.column + 1"}, {"as", "column2"}},
                   {{"calculate", "datum.row + 1"}, {"as", "row2"}},
                   {{"calculate", names + "[datum.row] + \" and \" + " + names + "[datum.column]"}, {"as", "pair"}}});
  Json color = heat("data", "Affinity", ".2~g");
  color["scale"] = scale;
  const Json map = {{"data", inline_data(cells)},
                    {"transform", places},
                    {"mark", "rect"},
                    {"encoding",
                     {{"x", edge("column", false, num_experts)},
                      {"x2", {{"field", "column2"}}},
                      {"y", edge("row", true, num_experts)},
                      {"y2", {{"field", "row2"}}},
                      {"color", color},
                      {"tooltip", tooltip({{"pair", "experts"}, {"data", "affinity"}})}}}};
  const Json clusters = {{"data", inline_data(outlines(order))},
                         {"mark", {{"type", "rect"}, {"filled", false}, {"style", "outline"}}},
                         {"encoding",
                          {{"x", edge("begin", false, num_experts)},
                           {"x2", {{"field", "end"}}},
                           {"y", edge("begin", true, num_experts)},
                           {"y2", {{"field", "end"}}}}}};
  return {{"height", 350}, {"layer", {map, clusters}}};
}

std::string sizes_text(const Order& order) {
  std::vector<std::string> sizes;
  for (const std::size_t size : order.cluster_sizes) {
    if (size > 1) sizes.push_back(std::to_string(size));
  }
  const auto singles = std::count(order.cluster_sizes.begin(), order.cluster_sizes.end(), std::size_t{1});
  if (order.cluster_sizes.empty()) return "not clustered.";
  std::string text = sizes.empty() ? "" : "clusters of " + join(sizes);
  if (singles > 0) text += (text.empty() ? "" : " and ") + counted(singles, "expert") + " alone";
  return text + ".";
}

Table matrix_table(const LayerFacts& layer, const Order& order) {
  Table table{.head = {"Expert"}};
  if (order.experts.size() > kTableExperts) return table;
  for (const std::size_t expert : order.experts) table.head.push_back(std::to_string(expert));
  for (const std::size_t a : order.experts) {
    std::vector<std::string> row = {std::to_string(a)};
    for (const std::size_t b : order.experts) row.push_back(number_text(layer.affinity[a][b], 2));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<const LayerFacts*> with_affinity(const Study& study) {
  std::vector<const LayerFacts*> layers;
  for (const LayerFacts& layer : study.layers) {
    if (!layer.affinity.empty()) layers.push_back(&layer);
  }
  return layers;
}

/// The layers whose matrices are drawn: all, or as many as fit, spread evenly from the first to the last.
std::vector<const LayerFacts*> drawn(const std::vector<const LayerFacts*>& layers) {
  if (layers.empty()) return layers;
  const std::size_t cells = layers.front()->affinity.size() * layers.front()->affinity.size();
  const std::size_t room = std::clamp<std::size_t>(kCellsOnPage / cells, 1, kMatrices);
  if (layers.size() <= room) return layers;
  std::vector<const LayerFacts*> some;
  for (std::size_t i = 0; i < room; ++i)
    some.push_back(layers[i * (layers.size() - 1) / std::max<std::size_t>(room - 1, 1)]);
  return some;
}

/// One scale of colours for all layers, from the least to the largest affinity of two different experts. Where most
/// pairs are far below the largest (affinities raised to a power), the fourth root lets them be told apart.
Json affinity_scale(const std::vector<const LayerFacts*>& layers) {
  std::vector<double> pairs;
  for (const LayerFacts* const layer : layers) {
    for (std::size_t a = 0; a < layer->affinity.size(); ++a) {
      pairs.insert(pairs.end(), layer->affinity[a].begin(),
                   layer->affinity[a].begin() + static_cast<std::ptrdiff_t>(a));
    }
  }
  Json scale = {{"scheme", "viridis"}, {"clamp", true}};
  if (pairs.empty()) return scale;
  std::sort(pairs.begin(), pairs.end());
  const bool from_zero = pairs.front() >= 0 && pairs.front() < kCrowdedBelow * pairs.back();
  scale["domain"] = {rounded(from_zero ? 0.0 : pairs.front()), rounded(pairs.back())};
  const double median = pairs[pairs.size() / 2];
  if (from_zero && median < kCrowdedBelow * pairs.back()) scale.update({{"type", "pow"}, {"exponent", 0.25}});
  return scale;
}

struct Contrast {
  double inside = 0, outside = 0;
  std::int64_t num_inside = 0, num_outside = 0;
};

/// Mean affinity of pairs in one cluster and of pairs in two, over all layers.
Contrast contrast(const std::vector<const LayerFacts*>& layers, const Choice& choice) {
  Contrast result;
  for (const LayerFacts* const layer : layers) {
    const Groups* const groups = find_groups(*layer, choice);
    if (groups == nullptr) continue;
    std::vector<std::int64_t> cluster(layer->affinity.size(), -1);
    for (std::size_t g = 0; g < groups->size(); ++g) {
      for (const std::int64_t expert : (*groups)[g])
        cluster[static_cast<std::size_t>(expert)] = static_cast<std::int64_t>(g);
    }
    for (std::size_t a = 0; a < cluster.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        const bool together = cluster[a] == cluster[b] && cluster[a] >= 0;
        (together ? result.inside : result.outside) += layer->affinity[a][b];
        ++(together ? result.num_inside : result.num_outside);
      }
    }
  }
  if (result.num_inside > 0) result.inside /= static_cast<double>(result.num_inside);
  if (result.num_outside > 0) result.outside /= static_cast<double>(result.num_outside);
  return result;
}

/// Bars of a layer's experts, cut into its clusters, largest first.
Figure sizes_figure(const Study& study, const Choice& choice) {
  Json rows = Json::array();
  Table table{.head = {"Layer", "Clusters", "Largest", "Alone", "Sizes"}};
  for (const LayerFacts& layer : study.layers) {
    const Groups* const groups = find_groups(layer, choice);
    if (groups == nullptr) continue;
    std::vector<std::string> sizes;
    std::size_t begin = 0, alone = 0;
    for (const auto& members : by_size(*groups)) {
      std::vector<std::string> names;
      for (const std::int64_t expert : members) names.push_back(std::to_string(expert));
      rows.push_back({{"layer", layer.layer},
                      {"begin", begin},
                      {"end", begin + members.size()},
                      {"size", members.size()},
                      {"members", join(names)}});
      begin += members.size();
      alone += members.size() == 1 ? 1 : 0;
      sizes.push_back(std::to_string(members.size()));
    }
    table.rows.push_back({std::to_string(layer.layer), std::to_string(groups->size()),
                          sizes.empty() ? "–" : sizes.front(), std::to_string(alone), join(sizes)});
  }
  const Json spec = {{"data", inline_data(rows)},
                     {"height", layers_height(study.layers.size())},
                     {"mark", {{"type", "rect"}, {"style", "slice"}}},
                     {"encoding",
                      {{"x", with(quantitative("begin", "Experts"),
                                  {{"axis", {{"grid", false}, {"tickCount", 8}}}, {"scale", {{"nice", false}}}})},
                       {"x2", {{"field", "end"}}},
                       {"y", ordinal("layer", "Layer")},
                       {"color", heat("size", "Cluster size", "d")},
                       {"tooltip", tooltip({{"layer", "layer"}, {"size", "cluster size"}, {"members", "experts"}})}}}};
  return {"Cluster sizes", "by " + choice.method + " at " + counted(choice.count, "expert") + ", largest first.", spec,
          table};
}

std::size_t largest_cluster(const Study& study, const Choice& choice) {
  std::size_t largest = 0;
  for (const LayerFacts& layer : study.layers) {
    const Groups* const groups = find_groups(layer, choice);
    if (groups == nullptr) continue;
    for (const auto& members : *groups) largest = std::max(largest, members.size());
  }
  return largest;
}

std::string takeaway(const Study& study, const std::vector<const LayerFacts*>& layers, const Choice& choice) {
  const Contrast mean = contrast(layers, choice);
  const std::string at = choice.method + " at " + counted(choice.count, "expert");
  if (mean.num_inside == 0 || mean.num_outside == 0) {
    return "The largest cluster of " + at + " joins " +
           counted(static_cast<std::int64_t>(largest_cluster(study, choice)), "expert") + ".";
  }
  return "Experts that are merged by " + at + " have a mean affinity of " + number_text(mean.inside) +
         "; those kept apart, " + number_text(mean.outside) + ".";
}

}  // namespace

std::optional<Section> affinity_section(const Study& study) {
  const std::vector<const LayerFacts*> layers = with_affinity(study);
  const std::optional<Choice> choice = choose(study);
  if (layers.empty() && !choice) return std::nullopt;
  Section section{.id = "affinity", .title = "How alike the experts are"};
  std::vector<Figure> figures;
  const Json scale = affinity_scale(layers);
  for (const LayerFacts* const layer : drawn(layers)) {
    const Order order = order_of(*layer, choice);
    figures.push_back({"Layer " + std::to_string(layer->layer), sizes_text(order), spec(*layer, order, scale),
                       matrix_table(*layer, order)});
  }
  if (figures.size() < layers.size()) {
    section.body += element("p", {{"class", "note"}},
                            {counted(static_cast<std::int64_t>(figures.size()), "layer") + " of " +
                             count_text(static_cast<std::int64_t>(layers.size())) + " are shown, spread evenly."});
  }
  if (!figures.empty()) section.body += figures_html(figures);
  if (choice) {
    section.body += figures_html({sizes_figure(study, *choice)});
    section.takeaway = takeaway(study, layers, *choice);
  }
  return section;
}

}  // namespace uncurl::report
