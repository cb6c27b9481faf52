// Data files as rows of named fields: one JSON object a line (.jsonl), one JSON array of objects (.json; or an object
// that holds it as "examples"), or a text (.txt), which is one row with the field "text".
#pragma once

#include <filesystem>
#include <vector>

#include "uncurl/text/template.h"

namespace uncurl::text {

/// Lines without anything but white space are skipped. Bytes that are no UTF-8 and escapes of half a surrogate pair
/// become U+FFFD.
/// @throws Error naming file and line if a row is not a JSON object, or naming the file if it is none of these
std::vector<Row> read_rows(const std::filesystem::path& path);

}  // namespace uncurl::text
