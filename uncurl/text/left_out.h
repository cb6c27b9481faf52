// Rows of a source that are not used: counted by reason, with the first of each, so that none disappears in silence.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "uncurl/base/error.h"

namespace uncurl::text {

/// Rows that share a reason.
struct RowCount {
  std::int64_t count = 0;
  std::string first;  ///< where the first stands, or what its error says

  void add(const std::string& what) {
    if (count++ == 0) first = what;
  }
};

struct LeftOut {
  RowCount bad;         ///< cannot be read, or lack what is asked for
  RowCount empty;       ///< white space alone
  RowCount unanswered;  ///< a prompt whose answer is white space alone: nothing would be left to judge or to learn

  std::int64_t count() const { return bad.count + empty.count + unanswered.count; }
};

/// "3 rows left out: 1 that cannot be read (the first: a.jsonl:3: ...), 2 without text (the first: a.jsonl:7)"; empty
/// if none is.
std::string left_out_text(const LeftOut& left_out);

/// What happens to a row that cannot be used: its error ends the run, or it is counted and left out.
class BadRows {
 public:
  BadRows() = default;  ///< errors end the run
  /// @param skip  count errors in `left_out` instead
  BadRows(bool skip, LeftOut& left_out) : left_out_(skip ? &left_out : nullptr) {}

  /// Runs body(), which reads or makes one row. @return whether it did not fail
  template <class Body>
  bool guard(Body body) const {
    try {
      body();
      return true;
    } catch (const UsageError&) {
      throw;
    } catch (const Error& error) {
      if (!left_out_) throw Error(std::string(error.what()) + kWayOut);
      left_out_->bad.add(error.what());
      return false;
    }
  }

 private:
  static constexpr const char* kWayOut =
      "; mend the row, or leave such rows out (--skip-bad-rows, or skip_bad_rows in a config)";

  LeftOut* left_out_ = nullptr;
};

}  // namespace uncurl::text
