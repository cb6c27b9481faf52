// The records of a source that may be observed (or held out), taken one by one in the order of their hashes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/text/sample.h"
#include "uncurl/text/source.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

class Slice {
 public:
  /// Refers to `source`, `tokenizer` and `listener`, which must live as long as it does.
  /// @param records  indices of `source.examples`
  Slice(const Source& source, std::vector<std::size_t> records, const Tokenizer& tokenizer,
        const SampleOptions& options, const Listener& listener);

  /// Takes records while they fit into `max_tokens` in all; stops before the first that does not. The very first is
  /// taken in any case. May be asked again with a larger limit.
  void take_up_to(std::int64_t max_tokens);

  bool is_exhausted() const { return !pending_ && next_ == records_.size(); }
  std::int64_t num_records() const { return static_cast<std::int64_t>(records_.size()); }
  std::int64_t num_taken() const { return static_cast<std::int64_t>(taken_.size()); }  ///< of num_records
  std::int64_t num_tokens() const { return num_tokens_; }
  std::int64_t num_cut() const { return num_cut_; }
  std::int64_t num_too_short() const { return num_too_short_; }
  std::int64_t longest_tokens() const { return longest_tokens_; }
  const RowCount& bad() const { return left_out_.bad; }  ///< records that could not be tokenised

  /// What was taken; call once, at the end.
  std::vector<TokenRow> rows_in_file_order();

 private:
  struct TakenRow {
    std::size_t record;
    TokenRow row;
  };

  void tokenize_next();
  void take_pending();

  const Source& source_;
  const Tokenizer& tokenizer_;
  const Listener& listener_;
  std::int64_t sequence_length_;
  bool skip_bad_rows_;
  LeftOut left_out_;
  std::vector<std::size_t> records_;  // in the order of their hashes
  std::size_t next_ = 0;
  std::optional<TakenRow> pending_;  // tokenised but not taken yet
  std::vector<TakenRow> taken_;
  std::int64_t num_tokens_ = 0, num_cut_ = 0, num_too_short_ = 0, longest_tokens_ = 0;
};

}  // namespace uncurl::text
