#include "uncurl/report/specs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace uncurl::report {
namespace {

Json channel(const std::string& field, const char* type, const std::string& title) {
  Json result = {{"field", field}, {"type", type}};
  result["title"] = title.empty() ? Json(nullptr) : Json(title);
  return result;
}

constexpr double kLogFromRatio = 8;
constexpr double kDecadesOfFineMarks = 2;

bool wants_log(const std::vector<double>& values) {
  if (values.empty()) return false;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return *least > 0 && *most / *least > kLogFromRatio;
}

/// 1, 2 and 5 times powers of ten between two numbers; powers of ten alone over many decades.
Json log_marks(double low, double high) {
  Json marks = Json::array();
  const bool fine = std::log10(high / low) <= kDecadesOfFineMarks;
  for (int power = static_cast<int>(std::floor(std::log10(low))); std::pow(10, power) <= high; ++power) {
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double mark = rounded(digit * std::pow(10, power)).get<double>();
      if ((fine || digit == 1.0) && low <= mark && mark <= high) marks.push_back(mark);
    }
  }
  return marks;
}

Json strong_if_highlighted(double others) {
  return {{"condition", {{"param", "highlight"}, {"value", 1}}}, {"value", others}};
}

}  // namespace

Json inline_data(Json rows) { return {{"values", std::move(rows)}}; }

Json quantitative(const std::string& field, const std::string& title) { return channel(field, "quantitative", title); }
Json ordinal(const std::string& field, const std::string& title) { return channel(field, "ordinal", title); }

Json with(Json channel, const Json& properties) {
  channel.update(properties);
  return channel;
}

Json tooltip(const std::vector<std::pair<std::string, std::string>>& fields) {
  Json rows = Json::array();
  for (const auto& [field, title] : fields) rows.push_back({{"field", field}, {"title", title}});
  return rows;
}

Json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return std::strtod(text.data(), nullptr);
}

void put_estimate(Json& row, const Estimate& estimate) {
  row["value"] = rounded(estimate.value);
  row["low"] = rounded(estimate.low);
  row["high"] = rounded(estimate.high);
  row["text"] = estimate_text(estimate);
}

void put_ends(std::vector<double>& values, const Estimate& estimate) {
  values.push_back(estimate.value);
  if (estimate.has_interval()) values.insert(values.end(), {estimate.low, estimate.high});
}

Json loss_axis(const std::vector<double>& values) {
  if (!wants_log(values)) return {{"axis", {{"tickCount", 5}}}};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const double low = *least * 0.9, high = *most * 1.1;
  return {{"scale", {{"type", "log"}, {"nice", false}, {"domain", {rounded(low), rounded(high)}}}},
          {"axis", {{"values", log_marks(low, high)}, {"format", "~g"}}}};
}

Json by_method(const std::vector<std::string>& methods, bool has_legend) {
  Json color = {{"field", "method"}, {"type", "nominal"}, {"title", nullptr}, {"scale", {{"domain", methods}}}};
  if (!has_legend) color["legend"] = nullptr;
  return color;
}

bool has_intervals(const Json& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Json& row) { return row["low"].is_number(); });
}

std::vector<Json> method_lines(const Json& rows, const Json& x, const Json& y, const Json& color, const Json& tooltip) {
  Json highlight = {{"name", "highlight"}, {"select", {{"type", "point"}, {"fields", {"method"}}}}};
  if (!color.contains("legend")) highlight["bind"] = "legend";
  const Json detail = {{"field", "method"}};
  const Json lines = {{"mark", {{"type", "line"}}},
                      {"encoding", {{"x", x}, {"y", y}, {"color", color}, {"opacity", strong_if_highlighted(0.15)}}}};
  const Json intervals = {{"mark", {{"type", "rule"}, {"strokeWidth", 1.5}}},
                          {"encoding",
                           {{"x", x},
                            {"y", with(y, {{"field", "low"}})},
                            {"y2", {{"field", "high"}}},
                            {"color", color},
                            {"detail", detail},
                            {"opacity", strong_if_highlighted(0.1)}}}};
  const Json points = {{"params", Json::array({highlight})},
                       {"mark", {{"type", "point"}, {"filled", true}, {"size", 60}}},
                       {"encoding",
                        {{"x", x},
                         {"y", y},
                         {"color", color},
                         {"shape", color},
                         {"opacity", strong_if_highlighted(0.15)},
                         {"tooltip", tooltip}}}};
  return has_intervals(rows) ? std::vector<Json>{lines, intervals, points} : std::vector<Json>{lines, points};
}

std::vector<Json> level_lines(const Estimate& level, const std::string& name) {
  Json row;
  put_estimate(row, level);
  const Json y = {{"field", "value"}, {"type", "quantitative"}};
  const Json data = inline_data(Json::array({row}));
  const Json line = {{"data", data},
                     {"mark", {{"type", "rule"}, {"style", "level"}}},
                     {"encoding", {{"y", y}, {"tooltip", tooltip({{"text", name}})}}}};
  const Json words = {{"data", data},
                      {"mark", {{"type", "text"}, {"style", "level-name"}, {"text", name}, {"x", 4}}},
                      {"encoding", {{"y", y}}}};
  return {line, words};
}

Json experts_axis(const std::vector<std::int64_t>& counts) {
  return with(quantitative("experts", "Experts a layer"),
              {{"axis", {{"values", counts}, {"format", "d"}, {"labelOverlap", "greedy"}}},
               {"scale", {{"zero", false}, {"nice", false}, {"padding", 14}}}});
}

Json rows_height(std::size_t num_rows, std::size_t pixels_a_row) {
  return std::max<std::size_t>(num_rows, 1) * pixels_a_row;
}

Json layers_height(std::size_t num_layers) {
  return rows_height(num_layers, std::clamp<std::size_t>(360 / std::max<std::size_t>(num_layers, 1), 10, 28));
}

Json heat(const std::string& field, const std::string& title, const std::string& number_format) {
  return with(quantitative(field, title),
              {{"scale", {{"scheme", "viridis"}}}, {"legend", {{"format", number_format}}}});
}

Json heat_of_losses(const std::vector<double>& values, const std::string& field, const std::string& title) {
  Json color = heat(field, title, "~g");
  if (!wants_log(values)) return color;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  color["scale"].update({{"type", "log"}, {"domain", {rounded(*least), rounded(*most)}}});
  color["legend"]["values"] = log_marks(*least, *most);
  return color;
}

}  // namespace uncurl::report
