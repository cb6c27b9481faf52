// MultiRC (Khashabi et al. 2018) holds a passage a line, with questions in it and answers in those.
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"

namespace uncurl::text {
namespace {

const Json& list(const Row& row, const std::string& name) {
  const Json& value = field_of(row, name);
  check(value.is_array(), row.place, ": '", name, "' must be an array, found ", value.type_name());
  return value;
}

}  // namespace

std::vector<Row> read_multirc(const Row& line) {
  std::vector<Row> rows;
  const Json& paragraph = field_of(line, "passage.text");
  int number = 0;
  for (const Json& item : list(line, "passage.questions")) {
    const Row question{item, concat(line.place, ": question ", ++number)};
    for (const Json& element : list(question, "answers")) {
      const Row answer{element, question.place};
      rows.push_back({{{"paragraph", paragraph},
                       {"question", field_of(question, "question")},
                       {"answer", field_of(answer, "text")},
                       {"label", field_of(answer, "label")},
                       {"question_place", question.place}},
                      question.place});
    }
  }
  return rows;
}

}  // namespace uncurl::text
