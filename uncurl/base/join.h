// Lists in messages: "a, b, c".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace uncurl {

std::string join(const std::vector<std::string>& parts, std::string_view separator = ", ");

/// The names of a table's rows: what a misspelt name is answered with.
template <class Table, class Name>
std::string join_names(const Table& table, Name name) {
  std::vector<std::string> names;
  for (const auto& row : table) names.emplace_back(row.*name);
  return join(names);
}

}  // namespace uncurl
