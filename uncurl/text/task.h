// A task file: where the rows are, how a row becomes a prompt with choices, which choice is right. See docs/formats.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/text/example.h"
#include "uncurl/text/left_out.h"
#include "uncurl/text/readers/reader.h"
#include "uncurl/text/regex.h"
#include "uncurl/text/template.h"

namespace uncurl::text {

/// The right choice of a row: a field that holds its index, or a value that `values` turns into one.
struct LabelRule {
  std::string field;
  std::map<std::string, int> values;
};

/// Choices that a row brings along: the array `field`, each element after `prefix`.
struct ChoicesInRow {
  std::string field, prefix;
};

/// A way to find the answer in what a model wrote: the first or the last match of a pattern.
struct Extraction {
  std::string name;
  Regex pattern;
  bool take_last = false;
};

/// The answer is written by the model, token by token.
struct GenerationRule {
  std::vector<std::string> until;  ///< it ends before the first of these
  std::int64_t max_tokens = 256;
  std::vector<Extraction> extract;  ///< none: all that was written
  std::vector<Regex> ignore;        ///< taken out of the answer and of what was written before they are compared
};

/// Choices that are judged by their words: arrays of the row that hold what each choice proposes, and what is right.
struct WordsRule {
  std::string names_field, answers_field;
};

struct Task {
  std::filesystem::path file;
  std::string name, description, metric, source, licence;
  std::map<std::string, std::string> rows;  ///< split to path, as written in the file
  Reader reader;
  Template prompt;
  std::vector<Template> choices;  ///< one template a choice; or one alone, the completion, when there is no label
  std::optional<ChoicesInRow> choices_in_row;
  std::optional<LabelRule> label;
  std::vector<Template> contexts;  ///< one a choice, in place of the prompt; else empty
  std::optional<Template> group, counted, answer, tests;
  std::optional<GenerationRule> generation;
  std::optional<WordsRule> words;
};

/// @throws Error naming the file and key; keys that are not known are refused
Task read_task(const std::filesystem::path& file);

/// The rows of a split as prompts and choices, in the order of the file.
/// @param data_root  where a relative path of the task file starts, unless the file exists beside the task file
/// @throws Error naming the splits there are, or file and line of a row that does not fit and is not left out
std::vector<TaskExample> read_examples(const Task& task, const std::string& split,
                                       const std::filesystem::path& data_root, const BadRows& bad_rows = {});

/// Names of the task files in a folder, sorted; empty if there is no such folder.
std::vector<std::string> task_names(const std::filesystem::path& tasks_folder);

}  // namespace uncurl::text
