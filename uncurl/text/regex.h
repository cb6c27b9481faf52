// Regular expressions of tokenizer files. They are written for Oniguruma (the library behind Hugging Face's tokenizers)
// and run by PCRE2; where the two read the same pattern differently it is rewritten, or refused if that cannot be done.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace uncurl::text {

/// A compiled pattern: cheap to copy, and safe to use from several threads.
class Regex {
 public:
  /// @param place  names the pattern in errors
  /// @throws Error if the pattern is malformed, or uses what the two libraries read differently
  static Regex oniguruma(std::string_view pattern, const std::string& place);
  static Regex literal(std::string_view text);

  /// Calls `part(begin, end, is_match)` for every match and every gap between matches, in order; together they cover
  /// `text`. `text` must be valid UTF-8. An empty match that touches the match before it does not count.
  /// @throws Error if matching takes more than PCRE2's limit of steps
  void for_each_part(std::string_view text, const std::function<void(std::size_t, std::size_t, bool)>& part) const;

 private:
  struct Code;
  explicit Regex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}

  std::shared_ptr<const Code> code_;
};

/// The same pattern in PCRE2's words (exposed for its tests).
std::string pcre2_from_oniguruma(std::string_view pattern, const std::string& place);

}  // namespace uncurl::text
