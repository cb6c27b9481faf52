// Access to result files beyond what JsonObject has: optional numbers, estimates, lists of objects and of numbers.
// Every error names the file and the key with its index.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/json.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

std::optional<double> optional_number(const JsonObject& object, const std::string& key);
std::optional<std::int64_t> optional_integer(const JsonObject& object, const std::string& key);

/// {"value": x, "low": x, "high": x}, or "mean" in place of "value"; an end that is null leaves no interval.
Estimate estimate_of(const JsonObject& object);
std::optional<Estimate> optional_estimate(const JsonObject& object, const std::string& key);

/// The elements of an array of objects; empty where the key is absent or null.
std::vector<JsonObject> objects(const JsonObject& object, const std::string& key);

std::vector<double> numbers(const Json& json, const std::string& place);
std::vector<std::int64_t> integers(const Json& json, const std::string& place);
std::vector<std::string> strings(const Json& json, const std::string& place);

/// Rows of numbers, all of one length; empty where the key is absent or null.
Matrix matrix(const JsonObject& object, const std::string& key);

}  // namespace uncurl::report
