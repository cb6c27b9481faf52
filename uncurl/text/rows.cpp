#include "uncurl/text/rows.h"

#include <sstream>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"

namespace uncurl::text {
namespace {

Row make_row(Json fields, std::string place) {
  check(fields.is_object(), place, ": expected a JSON object with the fields of a row, found ", fields.type_name());
  return {std::move(fields), std::move(place)};
}

Json parse_line(const std::string& line, const std::string& place) {
  try {
    return Json::parse(line);
  } catch (const nlohmann::json::exception& error) {
    fail(place, ": not valid JSON (", error.what(), ")");
  }
}

std::vector<Row> read_lines(const std::filesystem::path& path) {
  std::istringstream lines(read_text(path));
  std::vector<Row> rows;
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const std::string place = concat(path.string(), ":", number);
    rows.push_back(make_row(parse_line(line, place), place));
  }
  return rows;
}

std::vector<Row> read_array(const std::filesystem::path& path) {
  const Json json = read_json(path);
  check(json.is_array(), path.string(), ": expected a JSON array of rows, found ", json.type_name());
  std::vector<Row> rows;
  for (const Json& fields : json) rows.push_back(make_row(fields, concat(path.string(), "[", rows.size(), "]")));
  return rows;
}

}  // namespace

std::vector<Row> read_rows(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".jsonl") return read_lines(path);
  if (extension == ".json") return read_array(path);
  fail(path.string(), ": rows are read from .jsonl (an object a line) or .json (an array of objects)");
}

}  // namespace uncurl::text
