// A task as judged tokens: made once with a model's tokenizer, scored as often as there are changes to try.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "uncurl/eval/encode.h"
#include "uncurl/text/source.h"
#include "uncurl/text/task.h"

namespace uncurl::eval {

/// A possible continuation, or a text in several windows: requests first_request .. first_request+num_requests-1.
struct Choice {
  std::size_t first_request = 0, num_requests = 1;
};

struct Item {
  text::TaskExample example;
  std::vector<Choice> choices;          ///< as example.choices
  double num_words = 0, num_bytes = 0;  ///< of the judged text
};

struct PreparedTask {
  std::string name;
  std::string metric;        ///< as in task files; "perplexity" for plain text
  std::string split;         ///< empty for plain text
  std::string content_hash;  ///< of the texts, so that a changed prompt shows
  std::string file_hash;     ///< of the task file: prompt, metric, how answers are found; empty for plain text
  std::vector<Item> items;
  PackedRequests requests;
  std::optional<text::GenerationRule> generation;
  std::vector<Prompt> prompts;  ///< one an item where there is generation
  text::LeftOut left_out;       ///< rows of the file that are not among the items
};

struct PrepareOptions {
  std::string split;       ///< empty: validation, else test, else the held-out tenth of train
  std::int64_t limit = 0;  ///< rows, chosen by the hash of their text; 0: all
  std::string record_template;
  std::filesystem::path tasks_folder, data_root;  ///< see text::ReadOptions
  bool skip_bad_rows = false;                     ///< likewise; also rows that cannot be judged
};

/// What the metric of a task cannot do without and its file does not have, in words; empty: it can be judged. A task
/// may serve calibration alone.
std::vector<std::string> missing_to_judge(const text::Task& task);

/// @param name  of a task, a task file, or a plain .txt or .jsonl file, as in text::read_source
/// @throws Error naming what does not fit: the file, its rows, a split that the task does not have
PreparedTask prepare(const std::string& name, const Encoder& encoder, const PrepareOptions& options);

}  // namespace uncurl::eval
