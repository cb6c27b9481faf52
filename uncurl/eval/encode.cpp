#include "uncurl/eval/encode.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/text/unicode.h"

namespace uncurl::eval {
namespace {

using Ids = std::vector<std::int32_t>;

/// Bytes of the text without white space at its end.
std::size_t length_without_space(const std::string& text) {
  std::size_t end = 0;
  const std::string valid = text::valid_utf8(text);
  for (std::size_t i = 0; i < valid.size();) {
    if (!text::is_whitespace(text::next_code_point(valid, i))) end = i;
  }
  return end;
}

std::int64_t size_of(const Ids& ids) { return static_cast<std::int64_t>(ids.size()); }

Ids slice(const Ids& ids, std::int64_t begin, std::int64_t end) { return {ids.begin() + begin, ids.begin() + end}; }

}  // namespace

Request Encoder::pair(const std::string& context, const std::string& continuation) const {
  Ids ids, tail;
  if (context.empty()) {
    tail = tokenizer.encode(continuation, /*add_special_tokens=*/false);
    const std::int32_t beginning = beginning_of_text.required();
    if (tail.empty() || tail.front() != beginning) {
      ids = {beginning};
    } else {
      ids = {tail.front()};
      tail.erase(tail.begin());
    }
  } else {
    const Ids whole = tokenizer.encode(context + continuation, /*add_special_tokens=*/true);
    ids = tokenizer.encode(context.substr(0, length_without_space(context)), /*add_special_tokens=*/true);
    tail = slice(whole, std::min(size_of(ids), size_of(whole)), size_of(whole));
  }
  check(!tail.empty(), "the continuation '", continuation, "' adds no token to its context");
  check(size_of(tail) <= max_length, "a continuation of ", tail.size(), " tokens is longer than the ", max_length,
        " the model sees; judge it as a text of its own, in windows (metric perplexity)");
  check(!ids.empty(), "a context of white space alone has no tokens; leave it empty");
  ids.insert(ids.end(), tail.begin(), tail.end());
  const std::int64_t kept = std::min(size_of(ids), max_length + 1);
  return {slice(ids, size_of(ids) - kept, size_of(ids)), kept - size_of(tail)};
}

std::vector<Request> Encoder::windows(const std::string& text) const {
  const Ids ids = tokenizer.encode(text, /*add_special_tokens=*/true);
  std::vector<Request> requests;
  if (ids.empty()) return requests;
  const std::int64_t first = std::min(max_length, size_of(ids));
  Request begin{slice(ids, 0, first), 1};
  begin.ids.insert(begin.ids.begin(), beginning_of_text.required());
  requests.push_back(std::move(begin));
  for (std::int64_t judged = first; judged < size_of(ids);) {
    const std::int64_t count = std::min(size_of(ids) - judged, max_length), end = judged + count;
    requests.push_back({slice(ids, end - max_length - 1, end), max_length + 1 - count});
    judged = end;
  }
  return requests;
}

std::vector<std::int32_t> Encoder::prompt(const std::string& text, std::int64_t max_new_tokens) const {
  check(max_new_tokens < max_length, "writing ", max_new_tokens, " tokens leaves no room for a prompt in the ",
        max_length, " the model sees; lower max_tokens of the task's generation");
  const Ids ids = tokenizer.encode(text, /*add_special_tokens=*/true);
  check(!ids.empty(), "a prompt without tokens cannot be gone on with");
  return slice(ids, std::max<std::int64_t>(0, size_of(ids) - (max_length - max_new_tokens)), size_of(ids));
}

}  // namespace uncurl::eval
