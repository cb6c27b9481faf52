// WikiText (Merity et al. 2016): articles between headings " = Title = ", tokenised. The tokenisation is undone as
// lm-evaluation-harness 0.4 does it, whose perplexity counts the words and bytes of the article as it was.
// (One of its rules, for the text "/' 7/", writes its own pattern into the text and never applies; it is left out.)
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/readers/reader.h"
#include "uncurl/text/readers/replaced.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

/// Without white space at both ends, as Python's \s has it.
std::string trimmed(const std::string& text) {
  std::size_t begin = text.size(), end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t at = i;
    if (is_whitespace(next_code_point(text, i))) continue;
    begin = std::min(begin, at);
    end = i;
  }
  return begin < end ? text.substr(begin, end - begin) : "";
}

/// "( a )" to "(a)", for every opening mark and the next closing one.
std::string tightened(const std::string& text, char open, char close) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = text.find(open, i);
    const std::size_t end = begin == std::string::npos ? begin : text.find(close, begin + 1);
    if (end == std::string::npos) return out + text.substr(i);
    out += text.substr(i, begin - i) + open + trimmed(text.substr(begin + 1, end - begin - 1)) + close;
    i = end + 1;
  }
  return out;
}

std::string detokenized(std::string text) {
  using Pair = std::pair<std::string_view, std::string_view>;
  for (const auto& [from, to] : std::to_array<Pair>({{"s '", "s'"},
                                                     {" @-@ ", "-"},
                                                     {" @,@ ", ","},
                                                     {" @.@ ", "."},
                                                     {" : ", ": "},
                                                     {" ; ", "; "},
                                                     {" . ", ". "},
                                                     {" ! ", "! "},
                                                     {" ? ", "? "},
                                                     {" , ", ", "}}))
    text = replaced(text, from, to);
  for (const auto& [open, close] : {std::pair{'(', ')'}, {'[', ']'}, {'{', '}'}, {'"', '"'}, {'\'', '\''}})
    text = tightened(text, open, close);
  for (const auto& [from, to] : std::to_array<Pair>({{"= = = =", "===="},
                                                     {"= = =", "==="},
                                                     {"= =", "=="},
                                                     {" \u00b0 ", "\u00b0"},
                                                     {" \n", "\n"},
                                                     {"\n ", "\n"},
                                                     {" N ", " 1 "},
                                                     {" 's", "'s"}}))
    text = replaced(text, from, to);
  return text;
}

/// " = Title = ", but not " = = Section = = ".
bool is_title(std::string_view line) {
  return line.size() > 6 && line.starts_with(" = ") && line.ends_with(" = ") && !line.starts_with(" = = ");
}

/// Where articles begin: at titles that follow a blank line.
std::vector<std::size_t> beginnings(const std::string& text) {
  std::vector<std::size_t> begins;
  bool after_blank = true;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    if (after_blank && is_title(line)) begins.push_back(begin);
    after_blank = line.find_first_not_of(' ') == std::string_view::npos;
    begin = end + 1;
  }
  return begins;
}

}  // namespace

std::vector<Row> read_wikitext(const Row& line) {
  const std::string text = text_of(field_of(line, "text"), line.place + ": field 'text'");
  std::vector<std::size_t> begins = beginnings(text);
  check(!begins.empty(), line.place, ": no article begins with a line ' = Title = '");
  begins.push_back(text.size());
  std::vector<Row> rows;
  for (std::size_t i = 0; i + 1 < begins.size(); ++i) {
    const std::string page = text.substr(begins[i], begins[i + 1] - begins[i]);
    rows.push_back({{{"page", page}, {"text", detokenized(page)}}, concat(line.place, ": article ", i + 1)});
  }
  return rows;
}

}  // namespace uncurl::text
