#include "uncurl/eval/prepare.h"

#include <algorithm>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/text/sample.h"
#include "uncurl/text/unicode.h"

namespace uncurl::eval {
namespace {

constexpr std::uint64_t kLimitSeed = 0x6c696d6974;  // orders the rows of which --limit takes the first
constexpr double kHeldOutShare = 0.1;               // what pruning leaves out of a task's train rows

/// As Python's len(re.split(r"\s+", text)).
double count_words(const std::string& text) {
  const std::string valid = text::valid_utf8(text);
  double gaps = 0;
  bool in_gap = false;
  for (std::size_t i = 0; i < valid.size();) {
    const bool space = text::is_whitespace(text::next_code_point(valid, i));
    if (space && !in_gap) gaps += 1;
    in_gap = space;
  }
  return gaps + 1;
}

std::string whole_text(const text::TaskExample& example) {
  std::string all = example.prompt;
  for (const std::string& context : example.contexts) all += context;
  for (const std::string& choice : example.choices) all += choice;
  return all;
}

/// Rows that are judged together stay together: the prompt of a group is the same.
std::uint64_t limit_key(const text::TaskExample& example) {
  return hash64(example.group.empty() ? whole_text(example) : example.prompt, kLimitSeed);
}

/// At least `limit` rows (whole groups) in the order of the file.
std::vector<text::TaskExample> limited(std::vector<text::TaskExample> examples, std::int64_t limit) {
  if (limit == 0 || static_cast<std::int64_t>(examples.size()) <= limit) return examples;
  std::vector<std::uint64_t> keys;
  for (const text::TaskExample& example : examples) keys.push_back(limit_key(example));
  std::vector<std::uint64_t> sorted = keys;
  std::sort(sorted.begin(), sorted.end());
  const std::uint64_t last = sorted[static_cast<std::size_t>(limit) - 1];
  std::vector<text::TaskExample> taken;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    if (keys[i] <= last) taken.push_back(std::move(examples[i]));
  }
  return taken;
}

/// @throws Error naming what the metric cannot do without
void check_can_be_judged(const text::Task& task) {
  const std::vector<std::string> missing = missing_to_judge(task);
  check(missing.empty(), task.file.string(), ": metric ", task.metric, " needs ", join(missing), " to be measured");
}

/// Rows of the split; of the train rows only those that pruning does not observe.
std::vector<text::TaskExample> task_examples(const text::Task& task, std::string& split,
                                             const text::ReadOptions& options, const text::BadRows& bad_rows) {
  const bool chosen = !split.empty();
  if (!chosen) split = task.rows.contains("validation") ? "validation" : task.rows.contains("test") ? "test" : "train";
  std::vector<text::TaskExample> examples = text::read_examples(task, split, text::data_root_of(options), bad_rows);
  if (!chosen && split == "train") {
    std::erase_if(examples, [](const text::TaskExample& example) {
      return !text::falls_into_share(example.right_answer().text(), kHeldOutShare);
    });
    split = "held-out train";
  }
  return examples;
}

std::vector<text::TaskExample> plain_examples(const text::Source& source) {
  std::vector<text::TaskExample> examples;
  for (const text::Example& row : source.examples) {
    const bool is_text = row.completion.empty();
    examples.push_back({.prompt = is_text ? "" : row.prompt, .choices = {is_text ? row.prompt : row.completion}});
    examples.back().place = row.place;
  }
  return examples;
}

/// @param name  of the row, in errors
Item prepare_item(text::TaskExample example, const std::string& name, const Encoder& encoder,
                  std::vector<Request>& requests) {
  Item item{.example = std::move(example), .choices = {}};
  for (std::size_t c = 0; c < item.example.choices.size(); ++c) {
    const std::string& context = item.example.context_of(c);
    std::vector<Request> of_choice;
    if (context.empty()) {
      of_choice = encoder.windows(item.example.choices[c]);
    } else {
      of_choice.push_back(encoder.pair(context, item.example.choices[c]));
    }
    check(!of_choice.empty(), "a text without tokens cannot be judged");
    item.choices.push_back({requests.size(), of_choice.size()});
    for (Request& request : of_choice) {
      request.name = name;
      requests.push_back(std::move(request));
    }
  }
  const text::Example right = item.example.right_answer();
  const std::string& counted = item.example.counted.empty() ? right.completion : item.example.counted;
  item.num_words = count_words(counted);
  item.num_bytes = static_cast<double>(counted.size());
  return item;
}

std::string hash_of(const std::vector<Item>& items) {
  Hasher hasher;
  for (const Item& item : items) {
    hasher.add(whole_text(item.example));
    hasher.add(std::to_string(item.example.label));
  }
  return hasher.hex();
}

}  // namespace

std::vector<std::string> missing_to_judge(const text::Task& task) {
  std::vector<std::string> missing;
  const auto needs = [&](std::initializer_list<const char*> metrics, bool has, const char* what) {
    const bool concerned = std::find(metrics.begin(), metrics.end(), task.metric) != metrics.end();
    if (concerned && !has) missing.emplace_back(what);
  };
  needs({"accuracy", "macro_f1", "answer_f1", "words_f1"}, task.label.has_value(), "'choices' with 'label'");
  needs({"greedy_match", "perplexity", "exact_match", "pass_at_1"}, !task.label, "a 'completion'");
  needs({"answer_f1"}, task.group.has_value(), "'group'");
  needs({"words_f1"}, task.words.has_value(), "'words'");
  needs({"exact_match"}, task.answer && task.generation, "'answer' and 'generation'");
  needs({"pass_at_1"}, task.tests && task.generation, "'tests' and 'generation'");
  return missing;
}

PreparedTask prepare(const std::string& name, const Encoder& encoder, const PrepareOptions& options) {
  const text::ReadOptions read{.record_template = options.record_template,
                               .tasks_folder = options.tasks_folder,
                               .data_root = options.data_root,
                               .skip_bad_rows = options.skip_bad_rows};
  PreparedTask prepared{.name = name, .metric = "perplexity", .split = options.split};
  const text::BadRows bad_rows(options.skip_bad_rows, prepared.left_out);
  std::vector<text::TaskExample> examples;
  if (const std::optional<std::filesystem::path> file = text::task_file_of(name, options.tasks_folder)) {
    const text::Task task = text::read_task(*file);
    check_can_be_judged(task);
    prepared.name = task.name;
    prepared.file_hash = file_hash(*file);
    prepared.metric = task.metric;
    prepared.generation = task.generation;
    examples = task_examples(task, prepared.split, read, bad_rows);
  } else {
    check(options.split.empty(), name,
          ": a plain file has no splits; leave out --split, or name the file of the split");
    const text::Source source = text::read_source({name, std::nullopt}, read);
    prepared.left_out = source.left_out;
    examples = plain_examples(source);
  }
  check(!examples.empty(), name, ": has no rows to evaluate", prepared.left_out.count() > 0 ? "; " : "",
        left_out_text(prepared.left_out));
  std::vector<Request> requests;
  for (const text::TaskExample& example : limited(std::move(examples), options.limit)) {
    const std::string row = concat(prepared.name, ": ", example.place);
    const std::size_t before = requests.size();
    const bool added = bad_rows.guard([&] {
      with_context(example.place, [&] {
        Item item = prepare_item(example, row, encoder, requests);
        if (prepared.generation) {
          prepared.prompts.push_back({encoder.prompt(example.prompt, prepared.generation->max_tokens), row});
        }
        prepared.items.push_back(std::move(item));
      });
    });
    if (!added) requests.resize(before);
  }
  check(!prepared.items.empty(), name, ": has no rows to evaluate; ", left_out_text(prepared.left_out));
  prepared.content_hash = hash_of(prepared.items);
  prepared.requests = pack_requests(requests);
  return prepared;
}

}  // namespace uncurl::eval
