// COPA (Roemmele et al. 2011) as lm-evaluation-harness 0.4 words it: the premise without its full stop, "because" or
// "therefore", and a choice that goes on in lower case.
#include <algorithm>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

std::string string_field(const Row& line, const char* name) {
  const std::string text = text_of(field_of(line, name), line.place + ": field '" + name + "'");
  check(!text.empty(), line.place, ": field '", name, "' is empty");
  return text;
}

std::string without_last_character(const std::string& text) {
  const std::size_t end = text.find_last_not_of(" \t\r\n");
  std::size_t last = end == std::string::npos ? 0 : end;
  while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
  return text.substr(0, last);
}

std::string with_small_initial(const std::string& text) {
  std::size_t end = 0;
  next_code_point(text, end);
  return lower_case(std::string_view(text).substr(0, end)) + text.substr(end);
}

std::string connector_of(const Row& line) {
  const std::string question = string_field(line, "question");
  if (question == "cause") return "because";
  if (question == "effect") return "therefore";
  fail(line.place, ": field 'question' is '", question, "', expected cause or effect");
}

}  // namespace

std::vector<Row> read_copa(const Row& line) {
  Row row = line;
  const std::string premise = string_field(line, "premise");
  const std::size_t start = std::min(premise.find_first_not_of(" \t\r\n"), premise.size());
  row.fields["premise_stem"] = without_last_character(premise.substr(start));
  row.fields["connector"] = connector_of(line);
  row.fields["lower_choice1"] = with_small_initial(string_field(line, "choice1"));
  row.fields["lower_choice2"] = with_small_initial(string_field(line, "choice2"));
  return {std::move(row)};
}

}  // namespace uncurl::text
