// WiC (Pilehvar and Camacho-Collados 2019) says where the word stands, in characters; the dictionary form is in `word`.
#include <cstdint>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

std::int64_t integer(const Row& line, const char* name) {
  const Json& value = field_of(line, name);
  check(value.is_number_integer(), line.place, ": field '", name, "' must be a whole number, found ", value.dump());
  return value.get<std::int64_t>();
}

std::string characters(const std::string& text, std::int64_t begin, std::int64_t end) {
  std::string out;
  std::int64_t index = 0;
  for (std::size_t i = 0; i < text.size(); ++index) {
    const char32_t c = next_code_point(text, i);
    if (index >= begin && index < end) append_utf8(out, c);
  }
  return out;
}

}  // namespace

std::vector<Row> read_wic(const Row& line) {
  Row row = line;
  const std::string sentence = text_of(field_of(line, "sentence1"), line.place + ": field 'sentence1'");
  const std::string word = characters(sentence, integer(line, "start1"), integer(line, "end1"));
  check(!word.empty(), line.place, ": start1 and end1 mark nothing in sentence1");
  row.fields["word_in_sentence1"] = word;
  return {std::move(row)};
}

}  // namespace uncurl::text
