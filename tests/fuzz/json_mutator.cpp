// How libFuzzer changes inputs that are JSON: a value for another, an entry away, twice or elsewhere, so that the text
// stays JSON and the changes reach what looks at the values. Half of the time the bytes themselves, as ever.
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <random>
#include <vector>

#include "uncurl/base/strict_json.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace uncurl::fuzz {
namespace {

using Random = std::minstd_rand;

std::size_t below(std::size_t bound, Random& random) {
  return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
}

void collect(Json& json, std::vector<Json*>& values) {
  values.push_back(&json);
  if (json.is_structured()) {
    for (Json& child : json) collect(child, values);
  }
}

Json odd_value(Random& random) {
  static const std::vector<Json> kValues = {nullptr,
                                            true,
                                            false,
                                            0,
                                            1,
                                            -1,
                                            2,
                                            3,
                                            7,
                                            255,
                                            65536,
                                            2147483647,
                                            2147483648,
                                            -2147483648LL,
                                            9223372036854775807LL,
                                            18446744073709551615ULL,
                                            0.5,
                                            -0.0,
                                            1e-300,
                                            1e300,
                                            1e18,
                                            "",
                                            "a",
                                            "0",
                                            "1",
                                            "-1",
                                            "../a",
                                            std::string(300, 'x'),
                                            "\xC3\xA9",
                                            Json::array(),
                                            Json::object(),
                                            Json::array({1}),
                                            Json::array({Json::array()}),
                                            Json::object({{"a", 1}})};
  return kValues[below(kValues.size(), random)];
}

/// Numbers that are near matter more than any.
void change_number(Json& json, Random& random) {
  const auto value = json.get<double>();
  const double changes[] = {value + 1, value - 1, -value, value * 2, value / 2, value * 1e9};
  const double changed = changes[below(std::size(changes), random)];
  if (json.is_number_integer() && std::abs(changed) < 9e18) {
    json = static_cast<std::int64_t>(changed);
  } else {
    json = changed;
  }
}

void change_container(Json& json, const Json& other, Random& random) {
  if (json.empty()) {
    if (json.is_array()) json.push_back(other);
    return;
  }
  const auto entry = std::next(json.begin(), static_cast<std::ptrdiff_t>(below(json.size(), random)));
  switch (below(3, random)) {
    case 0:
      json.erase(entry);
      break;
    case 1:
      *entry = other;
      break;
    default:
      if (json.is_array()) {
        const Json copy = *entry;
        json.push_back(copy);
      } else {
        const std::string key = entry.key();
        json[key + "2"] = other;
      }
  }
}

void mutate(Json& json, Random& random) {
  std::vector<Json*> values;
  collect(json, values);
  Json& chosen = *values[below(values.size(), random)];
  const Json other = below(2, random) == 0 ? odd_value(random) : Json(*values[below(values.size(), random)]);
  if (chosen.is_number() && below(2, random) == 0) return change_number(chosen, random);
  if (chosen.is_structured() && below(4, random) != 0) return change_container(chosen, other, random);
  chosen = other;
}

}  // namespace
}  // namespace uncurl::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  uncurl::fuzz::Random random(seed);
  if (uncurl::fuzz::below(2, random) == 0) return LLVMFuzzerMutate(data, size, max_size);
  try {
    uncurl::Json json = uncurl::parse_json({reinterpret_cast<const char*>(data), size}, "input");
    const std::size_t times = 1 + uncurl::fuzz::below(4, random);
    for (std::size_t i = 0; i < times; ++i) uncurl::fuzz::mutate(json, random);
    const std::string text = uncurl::json_text(json, size < 4096 ? 1 : -1);
    if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
    std::memcpy(data, text.data(), text.size());
    return text.size();
  } catch (const uncurl::Error&) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
}
