// WSC in SuperGLUE's form (Levesque et al. 2012; Wang et al. 2019): two spans, counted in words. As in
// lm-evaluation-harness 0.4, the pronoun is put between asterisks and the spaces of tokenised text are taken out.
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"
#include "uncurl/text/readers/replaced.h"

namespace uncurl::text {
namespace {

std::string text_field(const Row& line, const char* name) {
  return text_of(field_of(line, name), line.place + ": field '" + name + "'");
}

// The first words of a text, one space between them.
std::string first_words(const std::string& text, std::int64_t count) {
  constexpr const char* kSpace = " \t\r\n";
  std::string out;
  std::size_t end = 0;
  for (std::int64_t word = 0; word < count; ++word) {
    const std::size_t begin = text.find_first_not_of(kSpace, end);
    if (begin == std::string::npos) break;
    end = std::min(text.find_first_of(kSpace, begin), text.size());
    if (!out.empty()) out += ' ';
    out.append(text, begin, end - begin);
  }
  return out;
}

std::string detokenized(std::string text) {
  for (const auto& [from, to] : {std::pair{" n't", "n't"},
                                 {" )", ")"},
                                 {"( ", "("},
                                 {"\" ", "\""},
                                 {" \"", "\""},
                                 {" '", "'"},
                                 {" .", "."},
                                 {" ,", ","}})
    text = replaced(text, from, to);
  return text;
}

}  // namespace

std::vector<Row> read_wsc(const Row& line) {
  const std::string text = text_field(line, "text");
  const std::string noun = text_field(line, "target.span1_text"), pronoun = text_field(line, "target.span2_text");
  const Json& index = field_of(line, "target.span2_index");
  check(index.is_number_integer() && index.get<std::int64_t>() >= 0, line.place,
        ": 'target.span2_index' must count words");
  const std::string before = first_words(text, index.get<std::int64_t>());
  const std::size_t after = std::min(before.size() + pronoun.size() + 1, text.size());
  Row row = line;
  row.fields["passage"] = detokenized(before + " *" + pronoun + "*" + text.substr(after));
  row.fields["noun"] = noun;
  row.fields["pronoun"] = pronoun;
  return {std::move(row)};
}

}  // namespace uncurl::text
