#include "uncurl/train/selection.h"

#include <fnmatch.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl::train {
namespace {

/// The brackets of "experts.down_proj[3].down" are no set of characters.
std::string without_sets(const std::string& pattern) {
  std::string escaped;
  for (const char c : pattern) {
    if (c == '[') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

void expect_matches(const std::vector<Parameter>& parameters, const std::string& pattern, const std::string& key) {
  if (std::any_of(parameters.begin(), parameters.end(), [&](const Parameter& p) { return matches(p, pattern); }))
    return;
  std::vector<std::string> parts;
  for (const Part part : all_parts()) parts.emplace_back(part_name(part));
  fail(key, ": '", pattern, "' matches no tensor of the model; expected a part (", join(parts),
       ") or a tensor name with * and ?, such as '", parameters.back().name, "'");
}

}  // namespace

bool matches(const Parameter& parameter, const std::string& pattern) {
  return pattern == part_name(parameter.part) ||
         fnmatch(without_sets(pattern).c_str(), parameter.name.c_str(), /*flags=*/0) == 0;
}

std::vector<bool> select(const std::vector<Parameter>& parameters, const std::vector<std::string>& included,
                         const std::vector<std::string>& excluded, const std::string& key) {
  for (const std::string& pattern : included) expect_matches(parameters, pattern, key);
  for (const std::string& pattern : excluded) expect_matches(parameters, pattern, "freeze");
  const auto any = [](const Parameter& parameter, const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& p) { return matches(parameter, p); });
  };
  std::vector<bool> selected;
  for (const Parameter& parameter : parameters) {
    selected.push_back(any(parameter, included) && !any(parameter, excluded));
  }
  return selected;
}

}  // namespace uncurl::train
