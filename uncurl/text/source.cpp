#include "uncurl/text/source.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/base/open_file.h"
#include "uncurl/text/paragraphs.h"
#include "uncurl/text/rows.h"
#include "uncurl/text/task.h"
#include "uncurl/text/text_file.h"

namespace uncurl::text {
namespace {

namespace fs = std::filesystem;

bool has_text(const std::string& text) { return text.find_first_not_of(" \t\r\n") != std::string::npos; }

/// The examples of a source as they are read.
class Examples {
 public:
  explicit Examples(bool skip_bad_rows) : bad_rows_(skip_bad_rows, left_out_) {}

  const BadRows& bad_rows() const { return bad_rows_; }
  void add_text(Example example) {
    has_text(example.text()) ? keep(std::move(example)) : left_out_.empty.add(example.place);
  }
  void add_answered(Example example) {
    has_text(example.completion) ? keep(std::move(example)) : left_out_.unanswered.add(example.place);
  }

  std::vector<Example> take() { return std::move(examples_); }
  const LeftOut& left_out() const { return left_out_; }

 private:
  void keep(Example example) { examples_.push_back(std::move(example)); }

  LeftOut left_out_;
  BadRows bad_rows_;
  std::vector<Example> examples_;
};

void read_paragraphs(const fs::path& path, Examples& examples) {
  std::int64_t number = 0;
  for (std::string& record : records_of_text(read_text_file(path))) {
    examples.add_text({std::move(record), "", concat(path.string(), ": record ", ++number)});
  }
}

/// What to do with a row of other fields.
std::string way_out(const Row& row) {
  if (row.fields.contains("messages") || row.fields.contains("conversations")) {
    return "Conversations are not rendered by the model's chat template: render them first "
           "(tokenizer.apply_chat_template "
           "of transformers with tokenize=False) and write the result as 'text'";
  }
  if (row.fields.contains("input_ids")) {
    return "Rows of token ids are not read: write the text that they stand for (tokenizer.decode of transformers) as "
           "'text'";
  }
  return "Other fields can be used through --template, as in \"{question}\\n{answer}\"";
}

void add_row(const Row& row, Examples& examples) {
  const auto field = [&](const char* name) {
    return text_of(field_of(row, name), concat(row.place, ": field '", name, "'"));
  };
  if (row.fields.contains("text")) return examples.add_text({field("text"), "", row.place});
  if (row.fields.contains("prompt") && row.fields.contains("completion")) {
    return examples.add_answered({field("prompt"), field("completion"), row.place});
  }
  std::string names;
  for (const auto& [name, value] : row.fields.items()) names += (names.empty() ? "" : ", ") + name;
  fail(row.place, ": expected the field 'text', or 'prompt' and 'completion'; the row has ",
       names.empty() ? "no fields" : names, ". ", way_out(row));
}

void read_records(const fs::path& path, const std::string& record_template, Examples& examples) {
  const bool known_fields = record_template.empty();
  const Template pattern(unescape(record_template), "--template");
  for_each_row(path, examples.bad_rows(), [&](const Row& row) {
    known_fields ? add_row(row, examples) : examples.add_text({pattern.render(row), "", row.place});
  });
}

void read_task_rows(const fs::path& file, const ReadOptions& options, Examples& examples) {
  const std::vector<TaskExample> rows =
      read_examples(read_task(file), options.split, data_root_of(options), examples.bad_rows());
  for (const TaskExample& row : rows) examples.add_answered(row.right_answer());
}

[[noreturn]] void fail_without_task(const std::string& name, const fs::path& tasks_folder) {
  const std::vector<std::string> known = task_names(tasks_folder);
  fail("'", name, "' is neither a file nor a task. Tasks in ", tasks_folder.string(), ": ",
       known.empty() ? "none" : join(known));
}

void read_any(const std::string& name, const ReadOptions& options, Examples& examples) {
  if (const std::optional<fs::path> task = task_file_of(name, options.tasks_folder))
    return read_task_rows(*task, options, examples);
  const std::string kind = kind_of_file(name);
  if (kind == ".txt") return read_paragraphs(name, examples);
  if (kind == ".jsonl" || kind == ".json") return read_records(name, options.record_template, examples);
  fail(name,
       ": unknown kind of data file; expected .txt, .jsonl or .ndjson (a JSON object per line), or .json (a task "
       "file, or an array of objects)",
       kind == ".gz" || kind == ".zst" || kind == ".xz" ? "; unpack it first" : "",
       kind == ".parquet" ? "; write its rows as .jsonl first, for example with pandas.read_parquet(...).to_json(..., "
                            "orient='records', lines=True)"
                          : "");
}

/// Whether a .json file is an array of rows and no task file, by its first character.
bool is_array(const fs::path& path) {
  const std::string text = read_text_file(path);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string::npos && text[first] == '[';
}

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
  return kind_of_file(path) == ".json" && !is_array(path) ? std::optional(path) : std::nullopt;
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
  Examples read(options.skip_bad_rows);
  read_any(request.path, options, read);
  std::vector<Example> examples = read.take();
  check(!examples.empty(), request.path,
        ": no usable rows: ", read.left_out().count() > 0 ? left_out_text(read.left_out()) : "the file is empty");
  return {request.path, request.weight, hash_of(examples), std::move(examples), read.left_out()};
}

}  // namespace uncurl::text
