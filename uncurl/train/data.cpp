#include "uncurl/train/data.h"

#include <algorithm>
#include <functional>

#include "uncurl/base/error.h"
#include "uncurl/text/sample.h"
#include "uncurl/text/source.h"

namespace uncurl::train {
namespace {

using text::Example;

text::Source read(const DataSource& source, const TrainConfig& config, const Listener& listener) {
  text::Source records = text::read_source({source.path, source.weight}, {.record_template = source.record_template,
                                                                          .tasks_folder = config.tasks_folder,
                                                                          .data_root = config.data_root,
                                                                          .split = source.split,
                                                                          .skip_bad_rows = source.skip_bad_rows});
  if (records.left_out.count() > 0) listener.note(concat(source.path, ": ", left_out_text(records.left_out)));
  return records;
}

/// Makes rows of the records that it is given, one by one.
class RowMaker {
 public:
  RowMaker(DataKind kind, const text::Tokenizer& tokenizer, std::int32_t end_of_text, std::int64_t sequence_length)
      : kind_(kind),
        tokenizer_(tokenizer),
        end_of_text_(end_of_text),
        length_(static_cast<std::size_t>(sequence_length)) {}

  void add(const Example& example, RowSource& source) {
    kind_ == DataKind::kPretrain ? add_text(example, source) : add_instruction(example, source);
    ++source.num_records;
  }

  /// The last, shorter row of a text.
  void finish(RowSource& source) {
    if (open_.size() > 1) source.rows.push_back({std::move(open_), 1});
    open_.clear();
  }

 private:
  std::vector<std::int32_t> encode(const std::string& text) const { return tokenizer_.encode(text, true); }

  void add_text(const Example& example, RowSource& source) {
    std::vector<std::int32_t> ids = encode(example.text());
    ids.push_back(end_of_text_);
    for (const std::int32_t id : ids) {
      open_.push_back(id);
      if (open_.size() == length_) finish(source);
    }
  }

  void add_instruction(const Example& example, RowSource& source) {
    check(!example.completion.empty(), "is text without an answer, and kind 'instruct' learns answers; ",
          "give the rows 'prompt' and 'completion', or take kind 'pretrain'");
    const std::vector<std::int32_t> prompt = encode(example.prompt);
    std::vector<std::int32_t> ids = encode(example.text());
    const auto common = std::mismatch(prompt.begin(), prompt.end(), ids.begin(), ids.end()).second - ids.begin();
    ids.push_back(end_of_text_);
    if (ids.size() > length_) {
      ++source.num_cut;
      ids.resize(length_);
    }
    Row row{std::move(ids), std::max<std::int64_t>(1, common)};
    if (row.num_targets() < 1)
      ++source.num_without;
    else
      source.rows.push_back(std::move(row));
  }

  DataKind kind_;
  const text::Tokenizer& tokenizer_;
  std::int32_t end_of_text_;
  std::size_t length_;
  std::vector<std::int32_t> open_;
};

struct Encoding {
  const TrainConfig& config;
  const text::Tokenizer& tokenizer;
  std::int32_t end_of_text;
  const Listener& listener;
};

/// The records that `wanted` chooses, as rows; stops when `max_tokens` are reached (0: never).
RowSource encode(const text::Source& records, const DataSource& source, const Encoding& with,
                 const std::function<bool(const Example&)>& wanted, std::int64_t max_tokens) {
  RowSource result{source.path, records.content_hash, source.weight, {}};
  result.left_out = records.left_out;
  const text::BadRows bad_rows(source.skip_bad_rows, result.left_out);
  RowMaker maker(source.kind, with.tokenizer, with.end_of_text, with.config.sequence_length);
  std::int64_t num_tokens = 0;
  std::size_t counted = 0;
  const auto total = static_cast<std::int64_t>(records.examples.size());
  for (std::size_t i = 0; i < records.examples.size() && (max_tokens == 0 || num_tokens < max_tokens); ++i) {
    if (wanted(records.examples[i])) {
      bad_rows.guard([&] { with_context(records.examples[i].place, [&] { maker.add(records.examples[i], result); }); });
    }
    for (; counted < result.rows.size(); ++counted) num_tokens += result.rows[counted].num_tokens();
    if (i % 64 == 0) {
      with.listener.progress({"tokenising " + source.path, "records", static_cast<std::int64_t>(i), total});
    }
  }
  maker.finish(result);
  if (result.left_out.bad.count > records.left_out.bad.count) {
    with.listener.note(concat(source.path, ": ", left_out_text(result.left_out)));
  }
  while (max_tokens > 0 && result.rows.size() > 1 && num_tokens > max_tokens) {
    num_tokens -= result.rows.back().num_tokens();
    result.rows.pop_back();
  }
  return result;
}

void expect_rows(const RowSource& source, const char* purpose) {
  check(!source.rows.empty(), source.name, ": no row to ", purpose, " of ", source.num_records, " records (",
        source.num_without, " have nothing to predict within sequence_length)");
}

}  // namespace

Corpus read_corpus(const TrainConfig& config, const text::Tokenizer& tokenizer, std::int32_t end_of_text,
                   const Listener& listener) {
  const Encoding with{config, tokenizer, end_of_text, listener};
  const ValidationConfig& validation = config.validation;
  const auto held_out = [&](const Example& example) {
    return validation.share > 0 && text::falls_into_share(example.text(), validation.share);
  };
  Corpus corpus;
  for (const DataSource& source : config.data) {
    const text::Source records = read(source, config, listener);
    corpus.training.push_back(encode(
        records, source, with, [&](const Example& e) { return !held_out(e); }, 0));
    expect_rows(corpus.training.back(), "train on");
    if (validation.share == 0) continue;
    corpus.validation.push_back(encode(records, source, with, held_out, validation.max_tokens));
    expect_rows(corpus.validation.back(), "validate on");
  }
  for (const DataSource& source : validation.data) {
    corpus.validation.push_back(encode(
        read(source, config, listener), source, with, [](const Example&) { return true; }, validation.max_tokens));
    expect_rows(corpus.validation.back(), "validate on");
  }
  return corpus;
}

}  // namespace uncurl::train
