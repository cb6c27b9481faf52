// Text with {fields} of a row in it: prompts of task files and --template.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "uncurl/base/json.h"

namespace uncurl::text {

/// A line of a data file: its fields, and where it stands ("train.jsonl:17") for errors.
struct Row {
  Json fields;  ///< an object
  std::string place;
};

/// "Question: {question}\nAnswer:". {a.b} is key b of the object a and {a.0} the first element of the array a; {{ and
/// }} are braces. Strings are put in as they are, numbers and booleans as JSON writes them.
class Template {
 public:
  /// @param place  names the template in errors
  /// @throws Error if a brace is not closed, not opened, or holds no name
  Template(std::string_view text, const std::string& place);

  /// @throws Error naming the row, the missing field and the fields there are, or a field that is no single value
  std::string render(const Row& row) const;

 private:
  struct Part {
    std::string text;  ///< what to write, or the name of the field to write
    bool is_field = false;
  };

  std::vector<Part> parts_;
};

/// The field a template would find under `name`.
/// @throws Error naming the row, the missing field and the fields there are
const Json& field_of(const Row& row, const std::string& name);

/// A string as it is, a number or boolean as JSON writes it.
/// @throws Error if the field holds an array, an object or null
std::string text_of(const Json& value, const std::string& place);

/// \n, \t, \r and \\ as a person types them on a command line.
/// @throws Error for any other backslash
std::string unescape(std::string_view typed);

}  // namespace uncurl::text
