#include "uncurl/base/json.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/join.h"
#include "uncurl/base/strict_json.h"

namespace uncurl {

Json read_json(const std::filesystem::path& path) { return parse_json(read_text(path), path.string()); }

std::string json_text(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

void write_json(const std::filesystem::path& path, const Json& json) { write_text(path, json_text(json, 2) + "\n"); }

JsonObject::JsonObject(const Json& json, std::string place) : json_(&json), place_(std::move(place)) {
  check(json.is_object(), place_, ": expected a JSON object, found ", json.type_name());
}

bool JsonObject::has(const std::string& key) const { return json_->contains(key) && !(*json_)[key].is_null(); }

const Json& JsonObject::at(const std::string& key, const char* type) const {
  check(has(key), place_, ": key '", key, "' is missing (expected ", type, ")");
  return (*json_)[key];
}

namespace {
[[noreturn]] void wrong_type(const std::string& place, const std::string& key, const char* expected,
                             const Json& found) {
  fail(place, ": key '", key, "' should be ", expected, ", found ", found.dump());
}
}  // namespace

std::int64_t JsonObject::integer(const std::string& key) const {
  const Json& value = at(key, "an integer");
  const bool too_large = value.is_number_unsigned() && !std::in_range<std::int64_t>(value.get<std::uint64_t>());
  if (!value.is_number_integer() || too_large) wrong_type(place_, key, "an integer", value);
  return value.get<std::int64_t>();
}

std::uint64_t JsonObject::unsigned_integer(const std::string& key) const {
  const Json& value = at(key, "an integer of 0 or more");
  const bool negative = value.is_number_integer() && !value.is_number_unsigned() && value.get<std::int64_t>() < 0;
  if (!value.is_number_integer() || negative) wrong_type(place_, key, "an integer of 0 or more", value);
  return value.get<std::uint64_t>();
}

double JsonObject::number(const std::string& key) const {
  const Json& value = at(key, "a number");
  if (!value.is_number()) wrong_type(place_, key, "a number", value);
  return value.get<double>();
}

bool JsonObject::boolean(const std::string& key) const {
  const Json& value = at(key, "true or false");
  if (!value.is_boolean()) wrong_type(place_, key, "true or false", value);
  return value.get<bool>();
}

std::string JsonObject::string(const std::string& key) const {
  const Json& value = at(key, "a string");
  if (!value.is_string()) wrong_type(place_, key, "a string", value);
  return value.get<std::string>();
}

const Json& JsonObject::array(const std::string& key) const {
  const Json& value = at(key, "an array");
  if (!value.is_array()) wrong_type(place_, key, "an array", value);
  return value;
}

JsonObject JsonObject::object(const std::string& key) const {
  return JsonObject(at(key, "an object"), place_ + ": '" + key + "'");
}

std::int64_t JsonObject::integer(const std::string& key, std::int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}
double JsonObject::number(const std::string& key, double fallback) const { return has(key) ? number(key) : fallback; }
bool JsonObject::boolean(const std::string& key, bool fallback) const { return has(key) ? boolean(key) : fallback; }
std::string JsonObject::string(const std::string& key, const std::string& fallback) const {
  return has(key) ? string(key) : fallback;
}

namespace {

/// Levenshtein's distance: characters to insert, delete or replace.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);  // distances from the first i characters of a to each beginning of b
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string nearest_of(const std::string& key, std::initializer_list<const char*> known) {
  return *std::min_element(known.begin(), known.end(),
                           [&](const char* a, const char* b) { return edit_distance(key, a) < edit_distance(key, b); });
}

}  // namespace

void JsonObject::expect_only(std::initializer_list<const char*> known) const {
  for (const auto& entry : json_->items()) {
    const std::string& key = entry.key();
    const bool found = std::any_of(known.begin(), known.end(), [&](const char* name) { return key == name; });
    if (found) continue;
    fail(place_, ": unknown key '", key, "'; did you mean '", nearest_of(key, known), "'? Known keys are ",
         join({known.begin(), known.end()}));
  }
}

}  // namespace uncurl
