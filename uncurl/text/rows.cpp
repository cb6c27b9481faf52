#include "uncurl/text/rows.h"

#include <charconv>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/strict_json.h"
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

std::vector<Row> read_lines(const std::filesystem::path& path) {
  std::istringstream lines(read_text(path));
  std::vector<Row> rows;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = concat(path.string(), ":", number);
    rows.push_back(make_row(parse(line, place), place));
  }
  return rows;
}

std::vector<Row> read_array(const std::filesystem::path& path) {
  const Json file = parse(read_text(path), path.string());
  const bool inside = file.is_object() && file.contains("examples");
  const Json& json = inside ? file.at("examples") : file;
  check(json.is_array(), path.string(),
        ": expected a JSON array of rows, or an object whose 'examples' are one, found ", json.type_name());
  std::vector<Row> rows;
  for (const Json& fields : json) rows.push_back(make_row(fields, concat(path.string(), "[", rows.size(), "]")));
  return rows;
}

}  // namespace

std::vector<Row> read_rows(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".jsonl") return read_lines(path);
  if (extension == ".json") return read_array(path);
  if (extension == ".txt") return {make_row({{"text", valid_utf8(read_text(path))}}, path.string())};
  fail(path.string(), ": rows are read from .jsonl (an object a line), .json (an array of objects) or .txt (one row)");
}

}  // namespace uncurl::text
