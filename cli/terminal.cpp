#include "cli/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "uncurl/base/printable.h"

namespace uncurl::cli {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> interrupted{false};

double seconds_between(Clock::time_point a, Clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

std::string bar(double share) {
  static constexpr char kFull[] = "####################", kEmpty[] = "....................";
  const auto filled = std::clamp<std::ptrdiff_t>(std::lround(share * 20), 0, 20);
  return std::string(kFull, kFull + filled).append(kEmpty, kEmpty + 20 - filled);
}

}  // namespace

Terminal::Terminal() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

Listener Terminal::listener() {
  return {.on_progress = [this](const Progress& step) { show(step); },
          .on_note = [this](const std::string& text) { note(text); },
          .on_warning = [this](const std::string& text) { warning(text); }};
}

void Terminal::show(const Progress& step) {
  if (interrupted) {
    clear_line();
    throw Interrupted();
  }
  const Clock::time_point now = Clock::now();
  const std::string stage = step.unit + std::to_string(step.total);
  const bool last = step.done == step.total;
  if (stage != stage_ || step.done < stage_begin_done_) {
    stage_ = last ? "" : stage;
    stage_begin_ = last_shown_ = now;
    stage_begin_done_ = step.done;
    return;
  }
  const double pause = is_terminal_ ? 0.1 : 10.0;
  const double elapsed = seconds_between(stage_begin_, now);
  if (last || step.done == stage_begin_done_ || seconds_between(last_shown_, now) < pause) {
    if (last) {
      clear_line();
      stage_.clear();  // what comes next may count the same units
    }
    return;
  }
  last_shown_ = now;
  const double rate = static_cast<double>(step.done - stage_begin_done_) / elapsed;
  const double left = static_cast<double>(step.total - step.done) / std::max(rate, 1e-9);
  const double share = static_cast<double>(step.done) / static_cast<double>(step.total);
  char text[256];
  std::snprintf(text, sizeof text, "%-32s [%s] %3.0f%%  %s %s/s  %s left", printable(step.label).c_str(),
                bar(share).c_str(), 100 * share, number_text(rate, rate < 10 ? 1 : 0).c_str(), step.unit.c_str(),
                seconds_text(left).c_str());
  std::cerr << (is_terminal_ ? "\r\x1b[K" : "") << text << (is_terminal_ ? "" : "\n") << std::flush;
  line_open_ = is_terminal_;
}

void Terminal::clear_line() {
  if (line_open_) std::cerr << "\r\x1b[K" << std::flush;
  line_open_ = false;
}

void Terminal::say(const std::string& text) {
  clear_line();
  std::cout << printable(text, /*keep_lines=*/true) << "\n" << std::flush;
}

void Terminal::note(const std::string& text) {
  clear_line();
  std::cerr << printable(text, /*keep_lines=*/true) << "\n";
}

void Terminal::warning(const std::string& text) {
  clear_line();
  std::cerr << "warning: " << printable(text, /*keep_lines=*/true) << "\n";
}

void handle_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = true; };
  action.sa_flags = SA_RESETHAND;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (std::size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string padding(widths[c] - row[c].size(), ' ');
      if (c > 0) line += "  ";
      line += c == 0 ? row[c] + padding : padding + row[c];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  if (!text.empty()) text.pop_back();
  return text;
}

std::string count_text(std::int64_t count) {
  std::string text;
  for (std::int64_t rest = count;; rest /= 1000) {
    char digits[32];
    std::snprintf(digits, sizeof digits, rest < 1000 ? "%lld" : "%03lld",
                  static_cast<long long>(rest < 1000 ? rest : rest % 1000));
    text.insert(0, text.empty() ? std::string(digits) : std::string(digits) + ",");
    if (rest < 1000) return text;
  }
}

std::string number_text(double value, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string bytes_text(double bytes) {
  static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  int unit = 0;
  while (bytes >= 999.5 && unit < 4) {
    bytes /= 1000;
    ++unit;
  }
  return number_text(bytes, unit == 0 || bytes >= 99.5 ? 0 : 1) + " " + kUnits[unit];
}

std::string seconds_text(double seconds) {
  if (seconds < 60) return number_text(seconds, seconds < 10 ? 1 : 0) + " s";
  const auto whole = static_cast<long long>(std::llround(seconds));
  char text[64];
  if (whole < 3600) {
    std::snprintf(text, sizeof text, "%lldm %02llds", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lldh %02lldm", whole / 3600, whole % 3600 / 60);
  }
  return text;
}

std::string estimate_text(const math::Estimate& estimate, int decimals) {
  const std::string mean = number_text(estimate.mean, decimals);
  if (!std::isfinite(estimate.high) || !std::isfinite(estimate.low)) return mean + " [one row: no interval]";
  return mean + " [" + number_text(estimate.low, decimals) + ", " + number_text(estimate.high, decimals) + "]";
}

}  // namespace uncurl::cli
