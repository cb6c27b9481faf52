#include "uncurl/report/figure.h"

namespace uncurl::report {
namespace {

Html cell_html(const std::string& tag, const std::string& text, bool is_label) {
  return is_label ? element(tag, {{"class", "label"}}, {text}) : element(tag, {text});
}

Html row_html(const std::string& tag, const std::vector<std::string>& cells, std::size_t num_labels) {
  std::vector<Html> row;
  for (const std::string& cell : cells) row.push_back(cell_html(tag, cell, row.size() < num_labels));
  return element("tr", row);
}

}  // namespace

Html table_html(const Table& table) {
  std::vector<Html> body;
  for (const auto& row : table.rows) body.push_back(row_html("td", row, table.num_labels));
  const Html head = element("thead", {row_html("th", table.head, table.num_labels)});
  // Wide tables scroll in a box of their own, so that the page never does.
  return element("div", {{"class", "scroll"}, {"tabindex", "0"}}, {element("table", {head, element("tbody", body)})});
}

Html figure_html(const Figure& figure) {
  std::vector<Html> parts = {
      element("figcaption", {element("b", {figure.title}), " ", figure.caption}),
      element("div", {{"class", "plot"}, {"role", "img"}, {"aria-label", figure.title}}, {}),
      element("script", {{"type", "application/json"}}, {embedded_json(json_text(figure.spec))})};
  if (!figure.table.rows.empty()) {
    parts.push_back(element("details", {element("summary", {"The numbers"}), table_html(figure.table)}));
  }
  return element("figure", parts);
}

Html figures_html(const std::vector<Figure>& figures) {
  std::vector<Html> parts;
  for (const Figure& figure : figures) parts.push_back(figure_html(figure));
  const bool in_pairs = figures.size() == 2 || figures.size() == 4;  // three columns would leave a gap
  return element("div",
                 {{"class", figures.size() == 1 ? "figures one"
                            : in_pairs          ? "figures pairs"
                                                : "figures"}},
                 parts);
}

}  // namespace uncurl::report
