#include "uncurl/report/fields.h"

#include "uncurl/base/error.h"

namespace uncurl::report {
namespace {

std::string element_place(const std::string& place, std::size_t index) { return concat(place, "[", index, "]"); }

void expect_array(const Json& json, const std::string& place) {
  check(json.is_array(), place, ": expected an array, found ", json.type_name());
}

template <class Value>
std::vector<Value> values(const Json& json, const std::string& place, bool (*is_value)(const Json&),
                          const char* expected) {
  expect_array(json, place);
  std::vector<Value> result;
  result.reserve(json.size());
  for (const Json& value : json) {
    check(is_value(value), element_place(place, result.size()), ": expected ", expected, ", found ", value.dump());
    result.push_back(value.get<Value>());
  }
  return result;
}

}  // namespace

std::optional<double> optional_number(const JsonObject& object, const std::string& key) {
  return object.has(key) ? std::optional(object.number(key)) : std::nullopt;
}

std::optional<std::int64_t> optional_integer(const JsonObject& object, const std::string& key) {
  return object.has(key) ? std::optional(object.integer(key)) : std::nullopt;
}

Estimate estimate_of(const JsonObject& object) {
  Estimate estimate{.value = object.number(object.has("mean") ? "mean" : "value")};
  if (!object.has("low") || !object.has("high")) return estimate;
  estimate.low = object.number("low");
  estimate.high = object.number("high");
  // A resampled interval may leave its value outside.
  check(estimate.low <= estimate.high, object.place(), ": expected low <= high, found ", estimate.low, " and ",
        estimate.high);
  return estimate;
}

std::optional<Estimate> optional_estimate(const JsonObject& object, const std::string& key) {
  return object.has(key) ? std::optional(estimate_of(object.object(key))) : std::nullopt;
}

std::vector<JsonObject> objects(const JsonObject& object, const std::string& key) {
  std::vector<JsonObject> result;
  if (!object.has(key)) return result;
  const std::string place = object.place() + ": '" + key + "'";
  for (const Json& element : object.array(key)) result.emplace_back(element, element_place(place, result.size()));
  return result;
}

std::vector<double> numbers(const Json& json, const std::string& place) {
  return values<double>(
      json, place, [](const Json& value) { return value.is_number(); }, "a number");
}

std::vector<std::int64_t> integers(const Json& json, const std::string& place) {
  return values<std::int64_t>(
      json, place, [](const Json& value) { return value.is_number_integer(); }, "an integer");
}

std::vector<std::string> strings(const Json& json, const std::string& place) {
  return values<std::string>(
      json, place, [](const Json& value) { return value.is_string(); }, "a string");
}

Matrix matrix(const JsonObject& object, const std::string& key) {
  Matrix result;
  if (!object.has(key)) return result;
  const std::string place = object.place() + ": '" + key + "'";
  for (const Json& row : object.array(key)) {
    const std::string row_place = element_place(place, result.size());
    result.push_back(numbers(row, row_place));
    check(result.back().size() == result.front().size(), row_place, ": expected ", result.front().size(),
          " numbers as in the first row, found ", result.back().size());
  }
  return result;
}

}  // namespace uncurl::report
