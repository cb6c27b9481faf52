#include "uncurl/eval/words.h"

#include <algorithm>
#include <cctype>
#include <sstream>

#include "uncurl/text/unicode.h"

namespace uncurl::eval {
namespace {

using Words = std::vector<std::string>;

Words words_of(const std::string& text) {
  std::string plain;
  for (const char c : text::lower_case(text::valid_utf8(text))) {
    if (std::ispunct(static_cast<unsigned char>(c)) == 0) plain += c;  // ASCII's, as in Python's string.punctuation
  }
  std::istringstream in(plain);
  Words words;
  for (std::string word; in >> word;) {
    if (word != "a" && word != "an" && word != "the") words.push_back(word);
  }
  return words;
}

double f1(const Words& found, const Words& expected) {
  if (found.empty() || expected.empty()) return found == expected ? 1 : 0;
  Words rest = expected;
  double same = 0;
  for (const std::string& word : found) {
    const auto at = std::find(rest.begin(), rest.end(), word);
    if (at == rest.end()) continue;
    rest.erase(at);
    same += 1;
  }
  return 2 * same / static_cast<double>(found.size() + expected.size());
}

}  // namespace

double words_f1(const std::string& answer, const std::vector<std::string>& right) {
  double best = 0;
  for (const std::string& expected : right) best = std::max(best, f1(words_of(answer), words_of(expected)));
  return best;
}

bool words_equal(const std::string& answer, const std::vector<std::string>& right) {
  return std::any_of(right.begin(), right.end(),
                     [&](const std::string& expected) { return words_of(answer) == words_of(expected); });
}

}  // namespace uncurl::eval
