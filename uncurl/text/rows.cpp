#include "uncurl/text/rows.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/text/text_file.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

Row make_row(Json fields, std::string place) {
  check(fields.is_object(), place, ": expected a JSON object with the fields of a row, found ", fields.type_name());
  return {std::move(fields), std::move(place)};
}

bool is_high_surrogate(unsigned unit) { return unit >= 0xD800 && unit < 0xDC00; }
bool is_low_surrogate(unsigned unit) { return unit >= 0xDC00 && unit < 0xE000; }

// The UTF-16 unit that the escape \uXXXX at `at` stands for; 0 if there is no such escape.
unsigned escaped_unit(std::string_view json, std::size_t at) {
  if (at + 6 > json.size() || json.substr(at, 2) != "\\u") return 0;
  const char* const digits = json.data() + at + 2;
  unsigned unit = 0;
  const auto [end, error] = std::from_chars(digits, digits + 4, unit, 16);
  return error == std::errc() && end == digits + 4 ? unit : 0;
}

std::string without_lone_surrogates(std::string json) {
  for (std::size_t at = 0; (at = json.find('\\', at)) != std::string::npos;) {
    const unsigned unit = escaped_unit(json, at);
    const bool is_pair = is_high_surrogate(unit) && is_low_surrogate(escaped_unit(json, at + 6));
    if (!is_pair && (is_high_surrogate(unit) || is_low_surrogate(unit))) json.replace(at + 2, 4, "fffd");
    at += is_pair ? 12 : 2;  // 2: the second of two backslashes begins no escape
  }
  return json;
}

// Text from the web holds broken characters, and one of them should not cost the file: they become U+FFFD.
Json parse(std::string_view json, const std::string& place) {
  return parse_json(without_lone_surrogates(valid_utf8(json)), place);
}

using Visit = std::function<void(Row)>;

void visit_lines(const std::filesystem::path& path, const BadRows& bad_rows, const Visit& visit) {
  std::istringstream lines(read_text_file(path));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = concat(path.string(), ":", number);
    bad_rows.guard([&] { visit(make_row(parse(line, place), place)); });
  }
}

void visit_array(const std::filesystem::path& path, const BadRows& bad_rows, const Visit& visit) {
  const Json file = parse(read_text_file(path), path.string());
  const bool inside = file.is_object() && file.contains("examples");
  const Json& json = inside ? file.at("examples") : file;
  check(json.is_array(), path.string(),
        ": expected a JSON array of rows, or an object whose 'examples' are one, found ", json.type_name());
  std::size_t index = 0;
  for (const Json& fields : json) {
    bad_rows.guard([&] { visit(make_row(fields, concat(path.string(), "[", index, "]"))); });
    ++index;
  }
}

}  // namespace

std::string kind_of_file(const std::filesystem::path& path) {
  std::string kind = path.extension().string();
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::tolower(c); });
  return kind == ".ndjson" ? ".jsonl" : kind;
}

void for_each_row(const std::filesystem::path& path, const BadRows& bad_rows, const Visit& visit) {
  const std::string kind = kind_of_file(path);
  if (kind == ".jsonl") return visit_lines(path, bad_rows, visit);
  if (kind == ".json") return visit_array(path, bad_rows, visit);
  if (kind == ".txt") return visit(make_row({{"text", valid_utf8(read_text_file(path))}}, path.string()));
  fail(path.string(), ": rows are read from .jsonl (an object a line), .json (an array of objects) or .txt (one row)");
}

std::vector<Row> read_rows(const std::filesystem::path& path) {
  std::vector<Row> rows;
  for_each_row(path, {}, [&](Row row) { rows.push_back(std::move(row)); });
  return rows;
}

}  // namespace uncurl::text
