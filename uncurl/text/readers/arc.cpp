// ARC-Easy (Clark et al. 2018) in the two forms that are at hand: rows with query, choices and gold as they are, and
// the instructions of LLM-Adapters ("Please choose the correct answer to the question: ... Answer1: ..."), which are
// taken apart into the same three fields.
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"

namespace uncurl::text {
namespace {

constexpr std::string_view kOpening = "Please choose the correct answer to the question: ";
constexpr std::string_view kEnd = "\n\nAnswer format:";

/// "Answer2: " as it stands between the choices.
std::string mark(std::size_t number) { return concat("Answer", number, ": "); }

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \n"), end = text.find_last_not_of(" \n");
  return begin == std::string::npos ? "" : text.substr(begin, end - begin + 1);
}

}  // namespace

std::vector<Row> read_arc(const Row& line) {
  if (line.fields.contains("query")) return {line};
  const auto string = [&](const char* name) {
    return text_of(field_of(line, name), concat(line.place, ": field '", name, "'"));
  };
  const std::string text = string("instruction"), answer = string("answer");
  const std::size_t choices_begin = text.find(mark(1)), end = text.find(kEnd);
  check(text.starts_with(kOpening) && choices_begin != std::string::npos && end != std::string::npos, line.place,
        ": field 'instruction' is no question of LLM-Adapters' ARC files (", kOpening,
        "... Answer1: ... Answer format: ...)");
  Row row = line;
  row.fields["query"] = "Question: " + trimmed(text.substr(kOpening.size(), choices_begin - kOpening.size()));
  Json choices = Json::array();
  for (std::size_t begin = choices_begin; begin < end;) {
    begin += mark(choices.size() + 1).size();
    const std::size_t next = std::min(text.find(mark(choices.size() + 2), begin), end);
    choices.push_back(trimmed(text.substr(begin, next - begin)));
    begin = next;
  }
  row.fields["choices"] = choices;
  for (std::size_t choice = 0; choice < choices.size(); ++choice) {
    if (answer == concat("answer", choice + 1)) row.fields["gold"] = choice;
  }
  check(row.fields.contains("gold"), line.place, ": field 'answer' is '", answer, "', expected answer1 to answer",
        choices.size());
  return {std::move(row)};
}

}  // namespace uncurl::text
