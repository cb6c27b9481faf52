// HTML that cannot be broken by what it shows: a plain string becomes text, and markup is made by element() alone.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uncurl::report {

/// Finished markup. Strings convert to it by escaping, so names and commands from a file can be passed as they are.
class Html {
 public:
  Html() = default;
  Html(std::string_view text);                                     // NOLINT: implicit on purpose, see above
  Html(const std::string& text) : Html(std::string_view(text)) {}  // NOLINT
  Html(const char* text) : Html(std::string_view(text)) {}         // NOLINT

  /// Markup of our own: styles, scripts, JSON that embedded_json() has made safe.
  static Html trusted(std::string_view markup);

  Html& operator+=(const Html& other);
  bool empty() const { return markup_.empty(); }
  const std::string& markup() const { return markup_; }

 private:
  std::string markup_;
};

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// <tag name="value" ...>children</tag>; attribute values are escaped. Void elements (meta, br) have no end tag.
Html element(const std::string& tag, const Attributes& attributes, const std::vector<Html>& children);
Html element(const std::string& tag, const std::vector<Html>& children);

/// `text` with & < > " ' as references and bytes that no HTML may hold (controls, NUL) as U+FFFD.
std::string escape(std::string_view text);

/// JSON that can stand inside a script element: no `<`, so no `</script>` and no `<!--`.
Html embedded_json(std::string_view json);

}  // namespace uncurl::report
