#include "uncurl/text/tokenizers/splitting.h"

#include <algorithm>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

// A match joins the part before it, unless that is a match too.
std::vector<Part> merged_with_previous(const std::vector<Part>& parts) {
  std::vector<Part> out;
  bool after_match = false;
  for (const Part& part : parts) {
    if (part.is_match && !after_match && !out.empty())
      out.back().end = part.end;
    else
      out.push_back(part);
    after_match = part.is_match;
  }
  return out;
}

// A match joins the part after it, unless that is a match too.
std::vector<Part> merged_with_next(const std::vector<Part>& parts) {
  std::vector<Part> out;
  bool before_match = false;
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (part->is_match && !before_match && !out.empty())
      out.back().begin = part->begin;
    else
      out.push_back(*part);
    before_match = part->is_match;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<Part> contiguous(const std::vector<Part>& parts) {
  std::vector<Part> out;
  for (const Part& part : parts) {
    if (!out.empty() && out.back().is_match == part.is_match)
      out.back().end = part.end;
    else
      out.push_back(part);
  }
  return out;
}

std::vector<Part> arrange(std::vector<Part> parts, Behavior behavior) {
  switch (behavior) {
    case Behavior::removed:
      std::erase_if(parts, [](const Part& part) { return part.is_match; });
      return parts;
    case Behavior::isolated:
      return parts;
    case Behavior::merged_with_previous:
      return merged_with_previous(parts);
    case Behavior::merged_with_next:
      return merged_with_next(parts);
    case Behavior::contiguous:
      return contiguous(parts);
  }
  return parts;
}

}  // namespace

Behavior behavior_of(const std::string& name, const std::string& place) {
  if (name == "Removed") return Behavior::removed;
  if (name == "Isolated") return Behavior::isolated;
  if (name == "MergedWithPrevious") return Behavior::merged_with_previous;
  if (name == "MergedWithNext") return Behavior::merged_with_next;
  if (name == "Contiguous") return Behavior::contiguous;
  fail(place, ": behavior '", name, "' is not Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous");
}

std::vector<Part> parts_of(const Regex& pattern, std::string_view text, bool invert) {
  std::vector<Part> parts;
  pattern.for_each_part(text, [&](std::size_t begin, std::size_t end, bool is_match) {
    parts.push_back({begin, end, is_match != invert});
  });
  return parts;
}

std::vector<Part> parts_of(bool (*is_match)(char32_t), std::string_view text) {
  std::vector<Part> parts;
  std::size_t gap = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t start = i;
    if (!is_match(next_code_point(text, i))) continue;
    if (gap < start) parts.push_back({gap, start, false});
    parts.push_back({start, i, true});
    gap = i;
  }
  if (gap < text.size()) parts.push_back({gap, text.size(), false});
  return parts;
}

Words split_words(Words words, Behavior behavior, const std::function<std::vector<Part>(std::string_view)>& parts) {
  Words out;
  out.reserve(words.size());
  for (const Word& word : words)
    for (const Part& part : arrange(parts(word.text), behavior))
      if (part.begin < part.end)
        out.push_back({word.text.substr(part.begin, part.end - part.begin), word.at_start && part.begin == 0});
  return out;
}

}  // namespace uncurl::text
