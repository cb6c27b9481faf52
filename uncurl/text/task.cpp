#include "uncurl/text/task.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/json.h"
#include "uncurl/base/open_file.h"
#include "uncurl/text/rows.h"

namespace uncurl::text {
namespace {

namespace fs = std::filesystem;

std::string joined(const auto& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

constexpr auto kMetrics = std::to_array<const char*>(
    {"accuracy", "macro_f1", "answer_f1", "words_f1", "greedy_match", "exact_match", "pass_at_1", "perplexity"});

std::string read_metric(const JsonObject& json) {
  const std::string metric = json.string("metric");
  check(std::find(kMetrics.begin(), kMetrics.end(), metric) != kMetrics.end(), json.place(), ": metric '", metric,
        "' is not known (known: ", joined(std::vector<std::string>(kMetrics.begin(), kMetrics.end())), ")");
  return metric;
}

constexpr std::int64_t kMaxChoices = 10'000;
constexpr std::int64_t kMaxGenerated =
    1 << 17;  // keys and values of so many tokens are kept while an answer is written

LabelRule read_label(const JsonObject& json) {
  json.expect_only({"field", "values"});
  LabelRule rule{json.string("field"), {}};
  if (!json.has("values")) return rule;
  const JsonObject values = json.object("values");
  for (const auto& [value, index] : values.json().items()) {
    const std::int64_t choice = values.integer(value);
    check(choice >= 0 && choice < kMaxChoices, values.place(), ": '", value, "' is choice ", choice,
          ", expected 0 or more and fewer than ", kMaxChoices);
    rule.values[value] = static_cast<int>(choice);
  }
  return rule;
}

std::vector<Template> read_templates(const JsonObject& task, const char* key) {
  std::vector<Template> templates;
  for (const Json& text : task.array(key)) {
    check(text.is_string(), task.place(), ": '", key, "' must hold strings or be {\"field\": ...}, found ",
          text.dump());
    templates.emplace_back(text.get<std::string>(), task.place());
  }
  check(!templates.empty(), task.place(), ": '", key, "' is empty");
  return templates;
}

void read_answers(const JsonObject& json, Task& task) {
  if (json.has("completion")) {
    check(!json.has("choices") && !json.has("label"), json.place(),
          ": a task has 'completion', or 'choices' with 'label', found both; remove one of them");
    task.choices.emplace_back(json.string("completion"), json.place());
    return;
  }
  check(json.has("choices") && json.has("label"), json.place(),
        ": a task needs 'completion', or 'choices' with 'label', found ",
        json.has("choices") ? "'choices' alone"
        : json.has("label") ? "'label' alone"
                            : "neither");
  task.label = read_label(json.object("label"));
  if (json.has("contexts")) task.contexts = read_templates(json, "contexts");
  if (json.json().at("choices").is_object()) {
    const JsonObject choices = json.object("choices");
    choices.expect_only({"field", "prefix"});
    task.choices_in_row = ChoicesInRow{choices.string("field"), choices.string("prefix", "")};
  } else {
    task.choices = read_templates(json, "choices");
  }
}

std::optional<Template> read_template(const JsonObject& json, const char* key) {
  return json.has(key) ? std::optional(Template(json.string(key), json.place())) : std::nullopt;
}

std::vector<std::string> strings(const JsonObject& json, const char* key) {
  std::vector<std::string> values;
  if (!json.has(key)) return values;
  for (const Json& value : json.array(key)) {
    check(value.is_string(), json.place(), ": '", key, "' must hold strings, found ", value.dump());
    values.push_back(value.get<std::string>());
  }
  return values;
}

Extraction read_extraction(const std::string& name, const JsonObject& json) {
  json.expect_only({"pattern", "take"});
  const std::string take = json.string("take");
  check(take == "first" || take == "last", json.place(), ": 'take' is '", take, "', expected first or last");
  return {name, Regex::oniguruma(json.string("pattern"), json.place()), take == "last"};
}

GenerationRule read_generation(const JsonObject& json) {
  json.expect_only({"until", "max_tokens", "extract", "ignore"});
  GenerationRule rule;
  rule.until = strings(json, "until");
  for (const std::string& end : rule.until) {
    check(!end.empty(), json.place(),
          ": key 'until' holds an empty text, before which every answer would end; name what "
          "ends an answer, or leave it out");
  }
  rule.max_tokens = json.integer("max_tokens", rule.max_tokens);
  check(rule.max_tokens > 0 && rule.max_tokens <= kMaxGenerated, json.place(), ": max_tokens is ", rule.max_tokens,
        ", expected 1 to ", kMaxGenerated);
  if (json.has("extract")) {
    const JsonObject extract = json.object("extract");
    for (const auto& [name, value] : extract.json().items())
      rule.extract.push_back(read_extraction(name, extract.object(name)));
  }
  for (const std::string& pattern : strings(json, "ignore"))
    rule.ignore.push_back(Regex::oniguruma(pattern, json.place() + ": ignore"));
  return rule;
}

WordsRule read_words(const JsonObject& json) {
  json.expect_only({"names", "answers"});
  return {json.string("names"), json.string("answers")};
}

/// Keys that only one metric looks at. What a metric needs is asked for where it is measured: a task may serve
/// calibration alone.
void check_keys(const Task& task, const std::string& place) {
  const auto belongs = [&](bool is_there, const char* key, std::initializer_list<const char*> metrics) {
    const bool known = std::find(metrics.begin(), metrics.end(), task.metric) != metrics.end();
    check(!is_there || known, place, ": '", key, "' has no effect under metric ", task.metric, "; it belongs to ",
          joined(std::vector<std::string>(metrics.begin(), metrics.end())));
  };
  belongs(task.group.has_value(), "group", {"answer_f1"});
  belongs(task.words.has_value(), "words", {"words_f1"});
  belongs(task.counted.has_value(), "counted", {"perplexity"});
  belongs(task.answer.has_value(), "answer", {"exact_match"});
  belongs(task.tests.has_value(), "tests", {"pass_at_1"});
  belongs(task.generation.has_value(), "generation", {"exact_match", "pass_at_1"});
}

std::map<std::string, std::string> read_splits(const JsonObject& json) {
  std::map<std::string, std::string> splits;
  for (const auto& [split, path] : json.json().items()) splits[split] = json.string(split);
  check(!splits.empty(), json.place(), ": names no rows");
  return splits;
}

std::vector<std::string> choices_of(const Task& task, const Row& row) {
  std::vector<std::string> choices;
  if (!task.choices_in_row) {
    for (const Template& choice : task.choices) choices.push_back(choice.render(row));
    return choices;
  }
  const auto& [field, prefix] = *task.choices_in_row;
  const Json& values = field_of(row, field);
  check(values.is_array() && !values.empty(), row.place, ": field '", field, "' must be an array of choices, found ",
        values.empty() ? "an empty " : "", values.type_name());
  for (const Json& value : values)
    choices.push_back(prefix + text_of(value, row.place + ": a choice in '" + field + "'"));
  return choices;
}

int label_of(const LabelRule& rule, const Row& row, std::size_t num_choices) {
  const Json& value = field_of(row, rule.field);
  std::int64_t label = -1;
  if (rule.values.empty()) {
    check(value.is_number_integer(), row.place, ": field '", rule.field, "' must be the index of a choice, found ",
          value.dump(), "; the task file can map other values by \"values\"");
    label = value.get<std::int64_t>();
  } else {
    const std::string text = text_of(value, row.place + ": field '" + rule.field + "'");
    const auto known = rule.values.find(text);
    std::vector<std::string> values;
    for (const auto& [name, index] : rule.values) values.push_back("'" + name + "'");
    check(known != rule.values.end(), row.place, ": label '", text, "' is not among the values of the task file (",
          joined(values), "); add it to 'values' of 'label', or take the row out");
    label = known->second;
  }
  check(label >= 0 && label < static_cast<std::int64_t>(num_choices), row.place, ": label ", label, " is not one of ",
        num_choices, " choices (counted from 0)");
  return static_cast<int>(label);
}

std::vector<std::string> texts_in(const Row& row, const std::string& field) {
  const Json& values = field_of(row, field);
  check(values.is_array() && !values.empty(), row.place, ": field '", field, "' must be an array of texts, found ",
        values.empty() ? "an empty " : "", values.type_name());
  std::vector<std::string> texts;
  for (const Json& value : values) texts.push_back(text_of(value, concat(row.place, ": a text in '", field, "'")));
  return texts;
}

void add_what_is_judged(const Task& task, const Row& row, TaskExample& example) {
  const auto render = [&](const std::optional<Template>& text) { return text ? text->render(row) : ""; };
  example.group = render(task.group);
  example.counted = render(task.counted);
  example.tests = render(task.tests);
  if (task.answer) example.answers = {task.answer->render(row)};
  if (!task.words) return;
  example.choice_names = texts_in(row, task.words->names_field);
  example.answers = texts_in(row, task.words->answers_field);
  check(example.choice_names.size() == example.choices.size(), row.place, ": ", example.choice_names.size(), " of '",
        task.words->names_field, "' for ", example.choices.size(), " choices");
}

TaskExample example_of(const Task& task, const Row& row) {
  TaskExample example{.prompt = task.prompt.render(row), .choices = choices_of(task, row)};
  example.place = row.place;
  if (task.label) example.label = label_of(*task.label, row, example.choices.size());
  for (const Template& context : task.contexts) example.contexts.push_back(context.render(row));
  check(example.contexts.empty() || example.contexts.size() == example.choices.size(), row.place, ": ",
        example.contexts.size(), " contexts for ", example.choices.size(), " choices");
  add_what_is_judged(task, row, example);
  return example;
}

fs::path rows_path(const Task& task, const std::string& split, const fs::path& data_root) {
  const auto found = task.rows.find(split);
  if (found == task.rows.end()) {
    std::vector<std::string> splits;
    for (const auto& [name, path] : task.rows) splits.push_back(name);
    fail(task.file.string(), ": no ", split, " rows; this task has ", joined(splits));
  }
  const fs::path beside = task.file.parent_path() / found->second;  // an absolute path replaces the folder
  if (has_entry(beside)) return beside;
  const fs::path path = data_root / found->second;
  check(has_entry(path), task.file.string(), ": its ", split, " rows are neither at ", beside.string(), " nor at ",
        path.string(), "; set UNCURL_DATA to the folder that holds ", found->second);
  return path;
}

}  // namespace

Task read_task(const fs::path& file) {
  const Json json = read_json(file);
  const JsonObject root(json, file.string());
  root.expect_only({"name", "description", "source", "licence", "metric", "rows", "reader", "prompt", "choices",
                    "label", "completion", "contexts", "group", "counted", "answer", "tests", "generation", "words"});
  Task task{.file = file,
            .name = root.string("name"),
            .description = root.string("description"),
            .metric = read_metric(root),
            .source = root.string("source", ""),
            .licence = root.string("licence", ""),
            .rows = read_splits(root.object("rows")),
            .reader = find_reader(root.string("reader", "flat"), file.string()),
            .prompt = Template(root.string("prompt"), file.string()),
            .choices = {},
            .choices_in_row = {},
            .label = {},
            .contexts = {},
            .group = read_template(root, "group"),
            .counted = read_template(root, "counted"),
            .answer = read_template(root, "answer"),
            .tests = read_template(root, "tests"),
            .generation = {},
            .words = {}};
  read_answers(root, task);
  if (root.has("generation")) task.generation = read_generation(root.object("generation"));
  if (root.has("words")) task.words = read_words(root.object("words"));
  check_keys(task, root.place());
  return task;
}

std::vector<TaskExample> read_examples(const Task& task, const std::string& split, const fs::path& data_root,
                                       const BadRows& bad_rows) {
  std::vector<TaskExample> examples;
  for_each_row(rows_path(task, split, data_root), bad_rows, [&](const Row& line) {
    std::vector<TaskExample> of_line;
    for (const Row& row : task.reader(line)) {
      of_line.push_back(example_of(task, row));
      of_line.back().cluster = line.place;
    }
    std::move(of_line.begin(), of_line.end(), std::back_inserter(examples));
  });
  return examples;
}

std::vector<std::string> task_names(const fs::path& tasks_folder) {
  std::vector<std::string> names;
  if (!fs::is_directory(tasks_folder)) return names;
  for (const auto& entry : fs::directory_iterator(tasks_folder))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace uncurl::text
