#include "uncurl/report/html.h"

#include <algorithm>
#include <array>

namespace uncurl::report {
namespace {

bool is_void(const std::string& tag) {
  constexpr std::array<std::string_view, 4> kVoid = {"meta", "br", "hr", "link"};
  return std::find(kVoid.begin(), kVoid.end(), tag) != kVoid.end();
}

bool is_allowed(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 0x20 && byte != 0x7f) || c == '\n' || c == '\t' || c == '\r';
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (is_allowed(c)) {
          out += c;
        } else {
          out += "\xEF\xBF\xBD";
        }
    }
  }
  return out;
}

Html::Html(std::string_view text) : markup_(escape(text)) {}

Html Html::trusted(std::string_view markup) {
  Html html;
  html.markup_ = markup;
  return html;
}

Html& Html::operator+=(const Html& other) {
  markup_ += other.markup_;
  return *this;
}

Html element(const std::string& tag, const Attributes& attributes, const std::vector<Html>& children) {
  std::string out = "<" + tag;
  for (const auto& [name, value] : attributes) out += " " + name + "=\"" + escape(value) + "\"";
  out += ">";
  for (const Html& child : children) out += child.markup();
  if (!is_void(tag)) out += "</" + tag + ">";
  return Html::trusted(out);
}

Html element(const std::string& tag, const std::vector<Html>& children) { return element(tag, {}, children); }

Html embedded_json(std::string_view json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";  // in JSON, < stands in strings alone
    } else {
      out += c;
    }
  }
  return Html::trusted(out);
}

}  // namespace uncurl::report
