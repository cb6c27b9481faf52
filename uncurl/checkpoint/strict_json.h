// JSON from strangers: sorted objects, and the two things the format forbids but a plain parser lets pass.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace uncurl::checkpoint {

/// Not `uncurl::Json`: that one looks keys up one by one, and an index may hold 100,000 of them.
using SortedJson = nlohmann::json;

/// Parses `text`, all of it. `name` (a file) opens the error messages.
/// @throws Error if it is not JSON in UTF-8, if an object holds a key twice, if a zero byte appears anywhere (the
///         parser would take it for the end), or if values nest deeper than `max_depth` containers
SortedJson parse_strict_json(std::string_view text, const std::string& name, int max_depth);

}  // namespace uncurl::checkpoint
