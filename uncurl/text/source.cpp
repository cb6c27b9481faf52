#include "uncurl/text/source.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/base/open_file.h"
#include "uncurl/text/paragraphs.h"
#include "uncurl/text/rows.h"
#include "uncurl/text/task.h"

namespace uncurl::text {
namespace {

namespace fs = std::filesystem;

std::vector<Example> read_text_file(const fs::path& path) {
  std::vector<Example> examples;
  for (std::string& record : records_of_text(read_text(path))) examples.push_back({std::move(record), ""});
  return examples;
}

Example example_of(const Row& row) {
  const auto field = [&](const char* name) {
    return text_of(field_of(row, name), concat(row.place, ": field '", name, "'"));
  };
  if (row.fields.contains("text")) return {field("text"), ""};
  if (row.fields.contains("prompt") && row.fields.contains("completion")) return {field("prompt"), field("completion")};
  std::string names;
  for (const auto& [name, value] : row.fields.items()) names += (names.empty() ? "" : ", ") + name;
  fail(row.place, ": expected the field 'text', or 'prompt' and 'completion'; the row has ",
       names.empty() ? "no fields" : names,
       ". Other fields can be used through --template, as in \"{question}\\n{answer}\"");
}

std::vector<Example> read_record_lines(const fs::path& path, const std::string& record_template) {
  std::vector<Example> examples;
  const bool known_fields = record_template.empty();
  const Template pattern(unescape(record_template), "--template");
  for (const Row& row : read_rows(path))
    examples.push_back(known_fields ? example_of(row) : Example{pattern.render(row), ""});
  return examples;
}

std::vector<Example> read_task_rows(const fs::path& file, const ReadOptions& options) {
  std::vector<Example> examples;
  for (const TaskExample& example : read_examples(read_task(file), options.split, data_root_of(options)))
    examples.push_back(example.right_answer());
  return examples;
}

[[noreturn]] void fail_without_task(const std::string& name, const fs::path& tasks_folder) {
  const std::vector<std::string> known = task_names(tasks_folder);
  fail("'", name, "' is neither a file nor a task. Tasks in ", tasks_folder.string(), ": ",
       known.empty() ? "none" : join(known));
}

std::vector<Example> read_any(const std::string& name, const ReadOptions& options) {
  if (const std::optional<fs::path> task = task_file_of(name, options.tasks_folder))
    return read_task_rows(*task, options);
  const std::string extension = fs::path(name).extension().string();
  if (extension == ".txt") return read_text_file(name);
  if (extension == ".jsonl") return read_record_lines(name, options.record_template);
  fail(name, ": unknown kind of data file; expected .txt, .jsonl, or .json (a task file)");
}

bool has_text(const Example& example) { return example.text().find_first_not_of(" \t\r\n") != std::string::npos; }

std::string hash_of(const std::vector<Example>& examples) {
  Hasher hasher;
  for (const Example& example : examples) {
    hasher.add(example.prompt);
    hasher.add(example.completion);
  }
  return hasher.hex();
}

}  // namespace

std::optional<fs::path> task_file_of(const std::string& name, const fs::path& tasks_folder) {
  const fs::path path = name;
  if (!path.has_parent_path() && !path.has_extension()) {
    const fs::path task = tasks_folder / (name + ".json");
    if (has_entry(task)) return task;
    if (!has_entry(path)) fail_without_task(name, tasks_folder);
  }
  check(has_entry(path), name, ": no such file");
  check(!fs::is_directory(path), name, ": is a folder; expected a .txt, .jsonl or .json file, or the name of a task");
  check_is_file(path);
  return path.extension() == ".json" ? std::optional(path) : std::nullopt;
}

fs::path data_root_of(const ReadOptions& options) {
  return options.data_root.empty() ? options.tasks_folder / "../../shared/data" : options.data_root;
}

SourceRequest parse_source_request(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  SourceRequest request{text, std::nullopt};
  if (colon != std::string::npos) {
    double weight = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + colon + 1, last, weight);
    if (end == last && error != std::errc::invalid_argument) {
      if (error != std::errc() || !std::isfinite(weight) || weight <= 0)
        throw UsageError("'" + text + "': the weight of a source must be a positive number");
      request = {text.substr(0, colon), weight};
    }
  }
  if (request.path.empty()) throw UsageError("'" + text + "': expected PATH or PATH:WEIGHT");
  return request;
}

std::vector<SourceRequest> parse_source_requests(const std::vector<std::string>& texts) {
  std::vector<SourceRequest> requests;
  std::vector<std::string> unweighted;
  for (const std::string& text : texts) {
    requests.push_back(parse_source_request(text));
    if (!requests.back().weight) unweighted.push_back(text);
  }
  if (!unweighted.empty() && unweighted.size() < requests.size())
    throw UsageError("sources without a weight beside others that have one: " + join(unweighted) +
                     "; weigh all of them (PATH:WEIGHT) or none");
  return requests;
}

std::vector<SourceRequest> parse_held_out_requests(const std::vector<std::string>& texts) {
  std::vector<SourceRequest> requests;
  for (const std::string& text : texts) {
    requests.push_back(parse_source_request(text));
    if (requests.back().weight)
      throw UsageError("'" + text + "': a weight has no effect on what is held out; write '" + requests.back().path +
                       "'");
  }
  return requests;
}

Source read_source(const SourceRequest& request, const ReadOptions& options) {
  std::vector<Example> examples = read_any(request.path, options);
  std::erase_if(examples, [](const Example& example) { return !has_text(example); });
  check(!examples.empty(), request.path, ": no usable rows: the file is empty, or its rows have no text");
  return {request.path, request.weight, hash_of(examples), std::move(examples)};
}

}  // namespace uncurl::text
