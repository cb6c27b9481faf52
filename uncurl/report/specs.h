// Parts of Vega-Lite specifications that several charts share. How charts look is set once, in chart_config.json.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/report/numbers.h"

namespace uncurl::report {

/// {"values": rows}
Json inline_data(Json rows);

/// A channel: {"field": ..., "type": ..., "title": ...}. An empty title leaves the axis without one.
Json quantitative(const std::string& field, const std::string& title);
Json ordinal(const std::string& field, const std::string& title);

/// `channel` with further properties.
Json with(Json channel, const Json& properties);

/// Rows of a tooltip: each a field and what it is called.
Json tooltip(const std::vector<std::pair<std::string, std::string>>& fields);

/// The six significant digits that a chart can show; null for what is no number.
Json rounded(double value);

/// Puts "value", "low", "high" and the "text" that tooltips show into a row of data.
void put_estimate(Json& row, const Estimate& estimate);

/// Appends the value and the ends of its interval, as far as it has one.
void put_ends(std::vector<double>& values, const Estimate& estimate);

/// Scale and axis of a loss. Logarithmic where the worst value is many times the least, since a linear axis would press
/// all but the worst into a corner; with marks at 1, 2 and 5 times powers of ten.
/// @param values  everything that is shown, the ends of intervals included
Json loss_axis(const std::vector<double>& values);

/// Methods by colour and shape, in the order given, which is the same in every chart of a study. The first eight have
/// colours that the colour-blind can tell apart (page.css); further ones are grey.
Json by_method(const std::vector<std::string>& methods, bool has_legend = true);

/// True where a row has an interval: a layer of none would have a scale of none.
bool has_intervals(const Json& rows);

/// Layers of lines with points and intervals of `y` over `x`, one line a method. Pressing a point, or a name in the
/// legend if `color` has one, brings its line forward.
/// @param rows   have x, method and what put_estimate() puts
/// @param color  of by_method()
std::vector<Json> method_lines(const Json& rows, const Json& x, const Json& y, const Json& color, const Json& tooltip);

/// The level of the original as a dashed line with its name, for a chart of `value`.
std::vector<Json> level_lines(const Estimate& level, const std::string& name);

/// The axis of "experts", with a mark at each count that was tried.
Json experts_axis(const std::vector<std::int64_t>& counts);

/// The height of a chart with a row for each of `num_rows`, in pixels.
Json rows_height(std::size_t num_rows, std::size_t pixels_a_row);

/// The same for a row a layer: lower rows where there are many.
Json layers_height(std::size_t num_layers);

/// Colour of cells from low to high: viridis, which the colour-blind can read and which survives a grey printer.
Json heat(const std::string& field, const std::string& title, const std::string& number_format);

/// The same for values of which the largest is many times the least.
Json heat_of_losses(const std::vector<double>& values, const std::string& field, const std::string& title);

}  // namespace uncurl::report
