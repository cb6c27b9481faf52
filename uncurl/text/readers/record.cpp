// ReCoRD (Zhang et al. 2018): which entity of the passage fills the gap of a query? Worded as in lm-evaluation-harness
// 0.4: the passage, its highlights as a list, and the query as one more entry with an entity in its gap.
#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"
#include "uncurl/text/readers/replaced.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

constexpr std::string_view kHighlight = "\n@highlight\n", kGap = "@placeholder";

std::string trimmed(const std::string& text) {
  constexpr const char* kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string prompt_of(const std::string& passage) {
  std::string rest = trimmed(passage), text;
  for (std::size_t end = rest.find(kHighlight);; end = rest.find(kHighlight)) {
    text += text.empty() ? concat(rest.substr(0, end), "\n\n") : concat("  - ", rest.substr(0, end), ".\n");
    if (end == std::string::npos) return text;
    rest = rest.substr(end + kHighlight.size());
  }
}

/// Characters start .. end of a text, both counted.
std::string characters(const std::string& text, const Row& span) {
  const auto number = [&](const char* name) {
    const Json& value = field_of(span, name);
    check(value.is_number_unsigned(), span.place, ": '", name, "' must be a whole number, found ", value.dump());
    return value.get<std::int64_t>();
  };
  const std::int64_t start = number("start"), end = number("end");
  std::string out;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < text.size(); ++index) {
    const char32_t c = next_code_point(text, i);
    if (index >= start && index <= end) append_utf8(out, c);
  }
  check(!out.empty(), span.place, ": an entity from ", start, " to ", end, " lies outside its passage");
  return out;
}

std::set<std::string> entities_of(const std::string& passage, const Row& line) {
  std::set<std::string> entities;
  const Json& spans = field_of(line, "passage.entities");
  check(spans.is_array() && !spans.empty(), line.place, ": 'passage.entities' must be an array of spans, found ",
        spans.empty() ? "an empty " : "", spans.type_name());
  for (const Json& span : spans) entities.insert(characters(passage, {span, line.place}));
  return entities;
}

}  // namespace

std::vector<Row> read_record(const Row& line) {
  const std::string passage = text_of(field_of(line, "passage.text"), line.place + ": field 'passage.text'");
  const std::set<std::string> entities = entities_of(passage, line);
  const Json& queries = field_of(line, "qas");
  check(queries.is_array(), line.place, ": 'qas' must be an array, found ", queries.type_name());
  std::vector<Row> rows;
  for (const Json& item : queries) {
    const Row query{item, concat(line.place, ": query ", rows.size() + 1)};
    std::set<std::string> answers;
    for (const Json& answer : field_of(query, "answers"))
      answers.insert(text_of(field_of({answer, query.place}, "text"), query.place + ": an answer"));
    check(!answers.empty(), query.place, ": has no answer");
    const auto label = std::find(entities.begin(), entities.end(), *answers.begin());
    check(label != entities.end(), query.place, ": its answer '", *answers.begin(), "' is no entity of the passage");
    Json sentences = Json::array();
    const std::string gapped = text_of(field_of(query, "query"), query.place + ": field 'query'");
    for (const std::string& entity : entities) sentences.push_back(concat("  - ", replaced(gapped, kGap, entity)));
    rows.push_back({{{"text", prompt_of(passage)},
                     {"entities", Json(std::vector<std::string>(entities.begin(), entities.end()))},
                     {"answers", Json(std::vector<std::string>(answers.begin(), answers.end()))},
                     {"sentences", std::move(sentences)},
                     {"label", std::distance(entities.begin(), label)}},
                    query.place});
  }
  return rows;
}

}  // namespace uncurl::text
