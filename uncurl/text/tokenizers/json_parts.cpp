#include "uncurl/text/tokenizers/json_parts.h"

#include <limits>

#include "uncurl/base/error.h"

namespace uncurl::text {

Regex pattern_of(const JsonObject& json) {
  const JsonObject pattern = json.object("pattern");
  pattern.expect_only({"String", "Regex"});
  return pattern.has("String") ? Regex::literal(pattern.string("String"))
                               : Regex::oniguruma(pattern.string("Regex"), pattern.place());
}

std::int32_t token_id(const Json& json, const std::string& place) {
  const std::int64_t id = json.is_number_integer() ? json.get<std::int64_t>() : -1;
  check(id >= 0 && id < std::numeric_limits<std::int32_t>::max(), place,
        ": expected a token id (a whole number from 0), ", "found ", json.dump());
  return static_cast<std::int32_t>(id);
}

const Json& steps_of(const JsonObject& json, const char* key) {
  constexpr std::size_t kMaxSteps = 100;
  const Json& steps = json.array(key);
  check(steps.size() <= kMaxSteps, json.place(), ": has ", steps.size(), " steps, expected at most ", kMaxSteps);
  return steps;
}

void expect_bounded_growth(std::size_t bytes_before, std::size_t bytes_after, const std::string& place) {
  constexpr std::size_t kMaxGrowth = 64, kStart = 4096;  // compatibility decomposition: eleven times at most
  check(bytes_after <= kMaxGrowth * bytes_before + kStart, place, ": makes more than ",
        kMaxGrowth * bytes_before + kStart, " bytes of a text of ", bytes_before, "; is the tokenizer file damaged?");
}

}  // namespace uncurl::text
