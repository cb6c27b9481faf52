#include "uncurl/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <cstdint>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {

struct Regex::Code {
  std::shared_ptr<pcre2_code> compiled;
  std::string place;
};

namespace {

std::string message_of(int error) {
  std::array<PCRE2_UCHAR, 256> message{};
  pcre2_get_error_message(error, message.data(), message.size());
  return reinterpret_cast<const char*>(message.data());
}

std::shared_ptr<pcre2_code> compile(std::string_view pattern, std::uint32_t options, const std::string& place) {
  const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
      pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  const std::shared_ptr<pcre2_code> code(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                                       PCRE2_UTF | options, &error, &offset, context.get()),
                                         &pcre2_code_free);
  check(code != nullptr, place, ": bad regular expression at byte ", offset, " of '", pattern,
        "': ", message_of(error));
  pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // without a JIT the interpreter runs: slower, same matches
  return code;
}

// The matches of one text, one after the other.
class Matches {
 public:
  Matches(const pcre2_code* code, std::string_view text, const std::string& place)
      : code_(code),
        text_(text),
        place_(place),
        data_(pcre2_match_data_create_from_pattern(code, nullptr), &pcre2_match_data_free) {}

  bool next(std::size_t& begin, std::size_t& end) {
    while (from_ <= text_.size()) {
      if (!search()) return false;
      const PCRE2_SIZE* const span = pcre2_get_ovector_pointer(data_.get());
      begin = span[0];
      end = span[1];
      if (begin == end && has_matched_ && last_end_ == end) {
        if (from_ == text_.size()) return false;
        next_code_point(text_, from_);
        continue;
      }
      from_ = last_end_ = end;
      has_matched_ = true;
      return true;
    }
    return false;
  }

 private:
  bool search() {
    int found = match(0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = match(PCRE2_NO_JIT);
    check(found >= 0 || found == PCRE2_ERROR_NOMATCH, place_, ": the regular expression failed on a text of ",
          text_.size(), " bytes: ", message_of(found));
    return found >= 0;
  }

  int match(std::uint32_t options) {
    return pcre2_match(code_, reinterpret_cast<PCRE2_SPTR>(text_.data()), text_.size(), from_,
                       PCRE2_NO_UTF_CHECK | options, data_.get(), nullptr);
  }

  const pcre2_code* code_;
  std::string_view text_;
  const std::string& place_;
  std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> data_;
  std::size_t from_ = 0, last_end_ = 0;
  bool has_matched_ = false;
};

}  // namespace

Regex Regex::oniguruma(std::string_view pattern, const std::string& place) {
  // In Oniguruma's Ruby syntax ^ and $ always see lines.
  const auto code = compile(pcre2_from_oniguruma(pattern, place), PCRE2_UCP | PCRE2_MULTILINE, place);
  return Regex(std::make_shared<const Code>(Code{code, place}));
}

Regex Regex::literal(std::string_view text) {
  return Regex(std::make_shared<const Code>(Code{compile(text, PCRE2_LITERAL, "literal"), "literal"}));
}

void Regex::for_each_part(std::string_view text,
                          const std::function<void(std::size_t, std::size_t, bool)>& part) const {
  Matches matches(code_->compiled.get(), text, code_->place);
  std::size_t done = 0, begin = 0, end = 0;
  while (matches.next(begin, end)) {
    if (begin > done) part(done, begin, false);
    part(begin, end, true);
    done = end;
  }
  if (done < text.size()) part(done, text.size(), false);
}

}  // namespace uncurl::text
