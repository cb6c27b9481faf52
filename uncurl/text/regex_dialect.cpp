// Oniguruma's dialect (Ruby syntax, UTF-8) in PCRE2's words. Rewritten: \s (PCRE2's holds U+180E as well), \v, \u,
// script names (PCRE2's mean script extensions). Refused: what the two understand differently and no released tokenizer
// we know of needs, such as \w, \b, \h, nested classes, &&, possessive intervals and options in mid-pattern.
#include <cctype>
#include <string>
#include <string_view>

#include "uncurl/base/error.h"
#include "uncurl/text/regex.h"

namespace uncurl::text {
namespace {

constexpr std::string_view kSpace = "\\t-\\r\\x{85}\\p{Z}";

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& place) : in_(pattern), place_(place) {}

  std::string run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (in_class_) {
        class_character(c);
      } else if (c == '[') {
        open_class();
      } else if (c == '(') {
        group();
      } else if (c == '{') {
        interval();
      } else {
        copy(1);
      }
    }
    return out_;
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    fail(place_, ": ", what, " at byte ", at_, " of the regular expression '", in_,
         "' is not supported: PCRE2 would read it differently from the library this tokenizer was made with");
  }

  bool follows(std::string_view text) const { return in_.substr(at_).starts_with(text); }

  void copy(std::size_t length) {
    out_ += in_.substr(at_, length);
    at_ += length;
  }

  void write(std::string_view text, std::size_t consumed) {
    out_ += text;
    at_ += consumed;
  }

  void escape() {
    if (at_ + 1 >= in_.size()) refuse("a backslash without a character");
    const char c = in_[at_ + 1];
    if (c == 's') return in_class_ ? write(kSpace, 2) : write("[" + std::string(kSpace) + "]", 2);
    if (c == 'S' && !in_class_) return write("[^" + std::string(kSpace) + "]", 2);
    if (c == 'v') return write("\\x{0b}", 2);
    if (c == 'u') return unicode_escape();
    if (c == 'p' || c == 'P') return property();
    const bool same = std::string_view("dDnrtfaexAzZ").find(c) != std::string_view::npos;
    const bool anchor = c == 'A' || c == 'z' || c == 'Z';
    const bool word = std::isalnum(static_cast<unsigned char>(c)) != 0;
    if ((word && !same) || (anchor && in_class_)) refuse("\\" + std::string(1, c));
    copy(2);
  }

  void unicode_escape() {
    const std::string_view digits = in_.substr(at_ + 2, 4);
    if (digits.size() < 4 || digits.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos)
      refuse("\\u");
    write("\\x{" + std::string(digits) + "}", 6);
  }

  // \p{L}, \p{Lu}, \P{L}, \p{^L}, \p{Han}. Two letters or fewer are a general category, anything longer a script.
  void property() {
    const std::size_t end = in_.find('}', at_);
    if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == std::string_view::npos)
      refuse("a property without braces");
    std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
    out_ += in_.substr(at_, 3);
    if (name.starts_with('^')) {
      out_ += '^';
      name.remove_prefix(1);
    }
    if (name.size() > 2) out_ += "sc:";
    write(std::string(name) + "}", end + 1 - at_);
  }

  void open_class() {
    in_class_ = true;
    copy(follows("[^") ? 2 : 1);
    if (follows("]")) refuse("']' as the first character of a class");
  }

  void class_character(char c) {
    if (c == '[') refuse("a class within a class");
    if (follows("&&")) refuse("the class operator &&");
    if (c == ']') in_class_ = false;
    copy(1);
  }

  void group() {
    if (!follows("(?")) return follows("(*") ? refuse("(*") : copy(1);
    for (const std::string_view known : {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"})
      if (follows(known)) return copy(known.size());
    if (follows("(?i)") && at_ == 0) return copy(4);
    refuse("the group '" + std::string(in_.substr(at_, 4)) + "'");
  }

  void interval() {
    const std::size_t end = in_.find('}', at_);
    if (end == std::string_view::npos) refuse("'{' without '}'");
    const std::string_view inside = in_.substr(at_ + 1, end - at_ - 1);
    const bool counts = inside.find_first_not_of("0123456789,") == std::string_view::npos;
    if (!counts || inside.empty() || inside.front() == ',') refuse("'{" + std::string(inside) + "}'");
    if (in_.substr(end + 1).starts_with('+')) refuse("a possessive interval");
    copy(end + 1 - at_);
  }

  std::string_view in_;
  const std::string& place_;
  std::size_t at_ = 0;
  bool in_class_ = false;
  std::string out_;
};

}  // namespace

std::string pcre2_from_oniguruma(std::string_view pattern, const std::string& place) {
  return Translator(pattern, place).run();
}

}  // namespace uncurl::text
