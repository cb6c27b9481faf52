#include "uncurl/text/tokenizers/pre_tokenizer.h"

#include <iterator>
#include <string_view>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/tokenizers/byte_alphabet.h"
#include "uncurl/text/tokenizers/json_parts.h"
#include "uncurl/text/tokenizers/splitting.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

PreTokenizer split_pre_tokenizer(const JsonObject& json) {
  const Regex pattern = pattern_of(json);
  const Behavior behavior = behavior_of(json.string("behavior"), json.place());
  const bool invert = json.boolean("invert", false);
  return [=](Words words) {
    return split_words(std::move(words), behavior,
                       [&](std::string_view text) { return parts_of(pattern, text, invert); });
  };
}

PreTokenizer split_characters(bool (*is_match)(char32_t), Behavior behavior) {
  return [=](Words words) {
    return split_words(std::move(words), behavior, [&](std::string_view text) { return parts_of(is_match, text); });
  };
}

enum class PrependScheme { always, first, never };

PrependScheme prepend_scheme_of(const JsonObject& json) {
  const std::string name = json.string("prepend_scheme", "always");
  const bool old_style_never = !json.boolean("add_prefix_space", true);
  if (name == "never" || (old_style_never && !json.has("prepend_scheme"))) return PrependScheme::never;
  check(!old_style_never, json.place(), ": add_prefix_space is false but prepend_scheme is '", name, "'");
  if (name == "always") return PrependScheme::always;
  if (name == "first") return PrependScheme::first;
  fail(json.place(), ": prepend_scheme '", name, "' is not always, first or never");
}

// SentencePiece's way: spaces become U+2581, one is put in front, and each word keeps the one before it.
PreTokenizer metaspace(const JsonObject& json) {
  const Regex space = Regex::literal(" "), mark = Regex::literal(json.string("replacement"));
  expect_bounded_growth(1, json.string("replacement").size(), json.place() + ": replacement");
  const PrependScheme scheme = prepend_scheme_of(json);
  const bool split = json.boolean("split", true);
  return [=, replacement = json.string("replacement")](Words words) {
    for (Word& word : words) {
      std::string text;
      space.for_each_part(word.text, [&](std::size_t begin, std::size_t end, bool is_space) {
        text += is_space ? std::string_view(replacement) : std::string_view(word.text).substr(begin, end - begin);
      });
      const bool wanted = scheme == PrependScheme::always || (scheme == PrependScheme::first && word.at_start);
      word.text = wanted && !text.starts_with(replacement) ? replacement + text : text;
    }
    if (!split) return words;
    return split_words(std::move(words), Behavior::merged_with_next,
                       [&](std::string_view text) { return parts_of(mark, text, false); });
  };
}

std::size_t num_bytes(const Words& words) {
  std::size_t bytes = 0;
  for (const Word& word : words) bytes += word.text.size();
  return bytes;
}

PreTokenizer sequence(const JsonObject& json) {
  std::vector<PreTokenizer> steps;
  for (const Json& step : steps_of(json, "pretokenizers"))
    steps.push_back(make_pre_tokenizer(step, json.place() + "[" + std::to_string(steps.size()) + "]"));
  return [steps = std::move(steps), place = json.place()](Words words) {
    const std::size_t before = num_bytes(words);
    for (const PreTokenizer& step : steps) {
      words = step(std::move(words));
      expect_bounded_growth(before, num_bytes(words), place);
    }
    return words;
  };
}

}  // namespace

PreTokenizer byte_level(bool add_prefix_space, bool use_regex) {
  const Regex pattern = Regex::oniguruma(kGpt2Pattern, "GPT-2's pattern");
  return [=](Words words) {
    if (add_prefix_space)
      for (Word& word : words)
        if (!word.text.starts_with(' ')) word.text.insert(0, 1, ' ');
    if (use_regex)
      words = split_words(std::move(words), Behavior::isolated,
                          [&](std::string_view text) { return parts_of(pattern, text, false); });
    for (Word& word : words) word.text = to_byte_alphabet(word.text);
    return words;
  };
}

PreTokenizer make_pre_tokenizer(const Json& json, const std::string& place) {
  if (json.is_null()) return [](Words words) { return words; };
  const JsonObject object(json, place);
  const std::string type = object.string("type");
  if (type == "ByteLevel") return byte_level(object.boolean("add_prefix_space"), object.boolean("use_regex", true));
  if (type == "Split") return split_pre_tokenizer(object);
  if (type == "Metaspace") return metaspace(object);
  if (type == "WhitespaceSplit") return split_characters(is_whitespace, Behavior::removed);
  if (type == "Sequence") return sequence(object);
  if (type == "Digits")
    return split_characters(is_numeric,
                            object.boolean("individual_digits") ? Behavior::isolated : Behavior::contiguous);
  fail(place, ": pre-tokenizer type '", type,
       "' is not supported (known: ByteLevel, Split, Digits, Metaspace, WhitespaceSplit, Sequence)");
}

}  // namespace uncurl::text
