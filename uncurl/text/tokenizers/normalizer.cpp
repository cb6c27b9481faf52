#include "uncurl/text/tokenizers/normalizer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/text/normal_form.h"
#include "uncurl/text/regex.h"
#include "uncurl/text/tokenizers/byte_alphabet.h"
#include "uncurl/text/tokenizers/json_parts.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

Normalizer to_form(NormalForm form) {
  return [form](std::string_view text) { return normal_form(text, form); };
}

std::string strip(std::string_view text, bool left, bool right) {
  std::size_t begin = text.size(), end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t start = i;
    if (is_whitespace(next_code_point(text, i))) continue;
    begin = std::min(begin, start);
    end = i;
  }
  if (!left) begin = 0;
  if (!right) end = text.size();
  return std::string(text.substr(begin, begin < end ? end - begin : 0));
}

Normalizer replace(const JsonObject& json) {
  const Regex pattern = pattern_of(json);
  return [pattern, content = json.string("content"), place = json.place()](std::string_view text) {
    std::string out;
    pattern.for_each_part(text, [&](std::size_t begin, std::size_t end, bool is_match) {
      out += is_match ? std::string_view(content) : text.substr(begin, end - begin);
      expect_bounded_growth(text.size(), out.size(), place);
    });
    return out;
  };
}

Normalizer prepend(std::string prefix) {
  return [prefix = std::move(prefix)](std::string_view text) {
    return text.empty() ? std::string() : prefix + std::string(text);
  };
}

Normalizer sequence(const JsonObject& json) {
  std::vector<Normalizer> steps;
  for (const Json& step : steps_of(json, "normalizers"))
    steps.push_back(make_normalizer(step, json.place() + "[" + std::to_string(steps.size()) + "]"));
  return [steps = std::move(steps), place = json.place()](std::string_view text) {
    std::string out(text);
    for (const Normalizer& step : steps) {
      out = step(out);
      expect_bounded_growth(text.size(), out.size(), place);
    }
    return out;
  };
}

}  // namespace

Normalizer make_normalizer(const Json& json, const std::string& place) {
  if (json.is_null()) return [](std::string_view text) { return std::string(text); };
  const JsonObject object(json, place);
  const std::string type = object.string("type");
  if (type == "NFC") return to_form(NormalForm::nfc);
  if (type == "NFD") return to_form(NormalForm::nfd);
  if (type == "NFKC") return to_form(NormalForm::nfkc);
  if (type == "NFKD") return to_form(NormalForm::nfkd);
  if (type == "Lowercase") return lower_case;
  if (type == "ByteLevel") return to_byte_alphabet;
  if (type == "Replace") return replace(object);
  if (type == "Prepend") return prepend(object.string("prepend"));
  if (type == "Sequence") return sequence(object);
  if (type == "Strip")
    return [left = object.boolean("strip_left"), right = object.boolean("strip_right")](std::string_view text) {
      return strip(text, left, right);
    };
  fail(place, ": normalizer type '", type,
       "' is not supported (known: NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace, ByteLevel, "
       "Sequence)");
}

}  // namespace uncurl::text
