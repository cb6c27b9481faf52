// A chart on the page: a Vega-Lite specification (https://vega.github.io/vega-lite/docs/), its caption, and the numbers
// it shows as a table that can be unfolded.
#pragma once

#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/report/html.h"

namespace uncurl::report {

/// The first row of cells is `head`. The first `num_labels` columns hold words, the others numbers.
struct Table {
  std::vector<std::string> head;
  std::vector<std::vector<std::string>> rows;
  std::size_t num_labels = 1;
};

Html table_html(const Table& table);

struct Figure {
  std::string title;
  std::string caption;  ///< what is seen and how to read it
  Json spec;            ///< without width: a chart fills the column it stands in
  Table table;          ///< without rows: no table
};

/// The chart stands where the script finds its specification; without scripts the table remains.
Html figure_html(const Figure& figure);

/// Figures side by side where the page is wide enough, one below the other on a phone.
Html figures_html(const std::vector<Figure>& figures);

}  // namespace uncurl::report
