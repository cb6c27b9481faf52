// A source: the records of one --task or --held-out argument, ready to be tokenised.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/text/example.h"
#include "uncurl/text/left_out.h"

namespace uncurl::text {

struct SourceRequest {
  std::string path;  ///< a file, or the name of a task
  std::optional<double> weight;
};

/// "PATH" or "PATH:WEIGHT". What follows the last colon is a weight if it reads as a number.
/// @throws UsageError if the path is empty, or the weight is not positive and finite
SourceRequest parse_source_request(const std::string& text);

/// The arguments of --task.
/// @throws UsageError naming those without a weight if others have one
std::vector<SourceRequest> parse_source_requests(const std::vector<std::string>& texts);

/// The arguments of --held-out.
/// @throws UsageError if one has a weight, which would have no effect
std::vector<SourceRequest> parse_held_out_requests(const std::vector<std::string>& texts);

struct ReadOptions {
  std::string record_template;  ///< for .jsonl files; as typed, with \n for a line break; empty: the known fields
  std::filesystem::path tasks_folder;  ///< where a bare name such as "boolq" is looked up
  std::filesystem::path data_root;     ///< where paths in task files start; empty: <tasks_folder>/../../shared/data
  std::string split = "train";         ///< which rows of a task
  bool skip_bad_rows = false;          ///< rows that cannot be read are left out and counted
};

struct Source {
  std::string name;  ///< the path or task name as it was asked for
  std::optional<double> weight;
  std::string content_hash;       ///< of the examples in their order, so that a changed prompt shows
  std::vector<Example> examples;  ///< never empty
  LeftOut left_out = {};
};

/// The task file that a name stands for, whether it is its path or a bare name; none if it is plain text.
/// @throws Error if it is neither a file nor a task, naming the tasks there are
std::optional<std::filesystem::path> task_file_of(const std::string& name, const std::filesystem::path& tasks_folder);

/// Where paths in task files start.
std::filesystem::path data_root_of(const ReadOptions& options);

/// Reads a source by the kind of its file:
///   .txt    paragraphs (separated by blank lines), joined until a record has 2,000 bytes; a paragraph of more than
///           8,000 is cut at line ends, else at spaces
///   .jsonl  a record a line: `text`; or `prompt` and `completion`; or what `record_template` makes of its fields
///   .json   a task file, or the name of one in `tasks_folder`, which comes before a file or folder of that name
/// Rows without text, and prompts whose answer is empty, are left out and counted.
/// @throws Error naming file and line of what does not fit, or the tasks there are
Source read_source(const SourceRequest& request, const ReadOptions& options);

}  // namespace uncurl::text
