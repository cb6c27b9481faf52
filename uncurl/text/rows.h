// Data files as rows of named fields: one JSON object a line (.jsonl), one JSON array of objects (.json; or an object
// that holds it as "examples"), or a text (.txt), which is one row with the field "text".
#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "uncurl/text/left_out.h"
#include "uncurl/text/template.h"

namespace uncurl::text {

/// The kind of a data file by its name, in any case of letters: ".jsonl" also for .ndjson.
std::string kind_of_file(const std::filesystem::path& path);

/// Lines without anything but white space are skipped. Invalid UTF-8 and escapes of half a surrogate pair become
/// U+FFFD.
/// @param visit  what it throws is of the row, too
/// @throws Error naming file and line if a row is not a JSON object and `bad_rows` does not leave it out, or naming the
///         file if it is none of these
void for_each_row(const std::filesystem::path& path, const BadRows& bad_rows, const std::function<void(Row)>& visit);

/// The same rows in memory; the first that cannot be read is an Error.
std::vector<Row> read_rows(const std::filesystem::path& path);

}  // namespace uncurl::text
