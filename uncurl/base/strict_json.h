// JSON from strangers: what the format forbids or leaves open and a plain parser lets pass is refused, and the time to
// parse grows with the text alone.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/json.h"

namespace uncurl {

/// Objects sorted by key, for those with 100,000 of them: `Json` looks keys up one by one.
using SortedJson = nlohmann::json;

/// Containers within containers; no file that we know of needs ten.
inline constexpr int kJsonDepth = 100;

/// What the library says, without the number of its exception.
std::string reason_of(const nlohmann::json::exception& error);

/// Parses `text`, all of it. `name` (a file) opens the error messages.
/// @throws Error if it is not JSON in UTF-8, if an object holds a key twice, if a zero byte appears anywhere (the
///         parser would take it for the end), or if values nest deeper than `max_depth` containers
SortedJson parse_strict_json(std::string_view text, const std::string& name, int max_depth = kJsonDepth);

/// The same with the keys of objects in the order of the text.
Json parse_json(std::string_view text, const std::string& name, int max_depth = kJsonDepth);

/// Runs `body`, which takes values out of JSON of a file without asking first what they are: where one is missing or of
/// another type, an Error says so with `place` in front.
template <class Body>
decltype(auto) with_json_context(const std::string& place, Body&& body) {
  return with_context(place, [&]() -> decltype(auto) {
    try {
      return std::forward<Body>(body)();
    } catch (const nlohmann::json::exception& error) {
      fail(reason_of(error));
    }
  });
}

}  // namespace uncurl
