#include "uncurl/text/slice.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"

namespace uncurl::text {
namespace {

constexpr std::uint64_t kOrderSeed = 0x6f72646572;

std::vector<std::size_t> in_hash_order(const Source& source, std::vector<std::size_t> records) {
  std::vector<std::pair<std::uint64_t, std::size_t>> keyed;
  keyed.reserve(records.size());
  for (const std::size_t record : records)
    keyed.emplace_back(hash64(source.examples[record].text(), kOrderSeed), record);
  std::sort(keyed.begin(), keyed.end());
  std::transform(keyed.begin(), keyed.end(), records.begin(), [](const auto& pair) { return pair.second; });
  return records;
}

std::int64_t size_of(const std::vector<std::int32_t>& ids) { return static_cast<std::int64_t>(ids.size()); }

}  // namespace

Slice::Slice(const Source& source, std::vector<std::size_t> records, const Tokenizer& tokenizer,
             const SampleOptions& options, const Listener& listener)
    : source_(source),
      tokenizer_(tokenizer),
      listener_(listener),
      sequence_length_(options.sequence_length),
      skip_bad_rows_(options.skip_bad_rows),
      records_(in_hash_order(source, std::move(records))) {}

void Slice::take_up_to(std::int64_t max_tokens) {
  while (!is_exhausted()) {
    if (!pending_) tokenize_next();
    if (!pending_) continue;
    const std::int64_t length = std::min(size_of(pending_->row.ids), sequence_length_);
    if (!taken_.empty() && num_tokens_ + length > max_tokens) return;
    take_pending();
  }
}

void Slice::tokenize_next() {
  const std::size_t record = records_[next_++];
  const Example& example = source_.examples[record];
  BadRows(skip_bad_rows_, left_out_).guard([&] {
    with_context(example.place, [&] {
      std::vector<std::int32_t> ids = tokenizer_.encode(example.text(), /*add_special_tokens=*/true);
      if (ids.size() < 2)
        ++num_too_short_;
      else
        pending_ = TakenRow{record, {std::move(ids)}};
    });
  });
}

void Slice::take_pending() {
  std::vector<std::int32_t>& ids = pending_->row.ids;
  longest_tokens_ = std::max(longest_tokens_, size_of(ids));
  if (size_of(ids) > sequence_length_) {
    ++num_cut_;
    ids.resize(static_cast<std::size_t>(sequence_length_));
  }
  num_tokens_ += size_of(ids);
  taken_.push_back(std::move(*pending_));
  pending_.reset();
  listener_.progress({"tokenising " + source_.name, "records", static_cast<std::int64_t>(next_),
                      static_cast<std::int64_t>(records_.size())});
}

std::vector<TokenRow> Slice::rows_in_file_order() {
  std::sort(taken_.begin(), taken_.end(), [](const TakenRow& a, const TakenRow& b) { return a.record < b.record; });
  std::vector<TokenRow> rows;
  rows.reserve(taken_.size());
  for (TakenRow& taken : taken_) rows.push_back(std::move(taken.row));
  return rows;
}

}  // namespace uncurl::text
