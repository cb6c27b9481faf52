#include "uncurl/text/template.h"

#include <charconv>
#include <utility>

#include "uncurl/base/error.h"

namespace uncurl::text {
namespace {

std::string names_of(const Json& object) {
  std::string names;
  for (const auto& [name, value] : object.items()) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "no fields" : names;
}

// The element of an array or the value of a key; null if there is none.
const Json* child(const Json& parent, const std::string& key) {
  if (parent.is_object()) {
    const auto found = parent.find(key);
    return found == parent.end() ? nullptr : &*found;
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
  const bool is_index = error == std::errc() && end == key.data() + key.size();
  return parent.is_array() && is_index && index < parent.size() ? &parent[index] : nullptr;
}

const Json* find_path(const Json& object, const std::string& name) {
  if (const Json* const whole = child(object, name)) return whole;
  const std::size_t dot = name.find('.');
  if (dot == std::string::npos) return nullptr;
  const Json* const first = child(object, name.substr(0, dot));
  return first ? find_path(*first, name.substr(dot + 1)) : nullptr;
}

}  // namespace

Template::Template(std::string_view text, const std::string& place) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool doubled = i + 1 < text.size() && text[i + 1] == text[i];
    if ((text[i] == '{' || text[i] == '}') && doubled) {
      plain += text[i++];
      continue;
    }
    check(text[i] != '}', place, ": '}' without '{' in the template '", text, "'; write }} for a brace");
    if (text[i] != '{') {
      plain += text[i];
      continue;
    }
    const std::size_t end = text.find('}', i);
    check(end != std::string_view::npos && end > i + 1, place, ": '{' without a field name and '}' in the template '",
          text, "'; write {{ for a brace");
    parts_.push_back({std::exchange(plain, ""), false});
    parts_.push_back({std::string(text.substr(i + 1, end - i - 1)), true});
    i = end;
  }
  parts_.push_back({plain, false});
}

std::string Template::render(const Row& row) const {
  std::string out;
  for (const Part& part : parts_)
    out += part.is_field ? text_of(field_of(row, part.text), row.place + ": field '" + part.text + "'") : part.text;
  return out;
}

const Json& field_of(const Row& row, const std::string& name) {
  const Json* const found = find_path(row.fields, name);
  check(found != nullptr, row.place, ": no field '", name, "'; the row has ", names_of(row.fields));
  return *found;
}

std::string text_of(const Json& value, const std::string& place) {
  if (value.is_string()) return value.get<std::string>();
  check(value.is_number() || value.is_boolean(), place, " is not a single value but ", value.type_name(),
        value.is_structured() ? "; name what is inside it, as in {name.0} or {name.key}" : "");
  return value.dump();
}

std::string unescape(std::string_view typed) {
  std::string out;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    if (typed[i] != '\\') {
      out += typed[i];
      continue;
    }
    const char next = i + 1 < typed.size() ? typed[++i] : '\0';
    switch (next) {
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case 'r':
        out += '\r';
        break;
      case '\\':
        out += '\\';
        break;
      default:
        fail("template '", typed, "': a backslash must be followed by n, t, r or another backslash");
    }
  }
  return out;
}

}  // namespace uncurl::text
