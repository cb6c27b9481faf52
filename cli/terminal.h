// Everything the program says: progress bars with rate and time left, notes, warnings, tables. The library says
// nothing by itself.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/math/interval.h"

namespace uncurl::cli {

/// Prints a library's progress on standard error: one line redrawn on a terminal, a line now and then elsewhere. Names
/// from files are in what it prints, so that control characters are escaped.
class Terminal {
 public:
  Terminal();

  /// Callbacks into this object, which must outlive them. A progress callback throws Interrupted after Ctrl-C.
  Listener listener();

  void say(const std::string& text);      ///< to standard output
  void note(const std::string& text);     ///< to standard error
  void warning(const std::string& text);  ///< to standard error

 private:
  void show(const Progress& step);
  void clear_line();

  bool is_terminal_;
  bool line_open_ = false;
  std::string stage_;  ///< what the running bar counts
  std::chrono::steady_clock::time_point stage_begin_, last_shown_;
  std::int64_t stage_begin_done_ = 0;
};

/// From now on Ctrl-C asks long work to stop at its next step; a second one kills.
void handle_interrupts();

/// Rows of cells as aligned columns, the first row a header; the first column is left-aligned, numbers right.
std::string table(const std::vector<std::vector<std::string>>& rows);

std::string count_text(std::int64_t count);  ///< 15,520,000
std::string bytes_text(double bytes);        ///< 1.5 GB
std::string seconds_text(double seconds);    ///< 1h 02m, 3m 07s, 4.2 s
std::string number_text(double value, int decimals);
std::string estimate_text(const math::Estimate& estimate, int decimals);  ///< 26.83 [24.10, 29.87]

}  // namespace uncurl::cli
