// How the library tells of long work without knowing a terminal. cli/ draws bars; tests pass an empty Listener.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <utility>

namespace uncurl {

/// One step of long work: `done` of `total` units so far.
struct Progress {
  std::string label;  ///< "observing layer 3 of 48"
  std::string unit;   ///< "tokens"
  std::int64_t done = 0;
  std::int64_t total = 0;
};

/// Thrown out of a progress callback to stop at a place where nothing is lost (Ctrl-C).
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// The same where there is more to say: what is done, where the same command goes on.
class InterruptedAfter : public Interrupted {
 public:
  explicit InterruptedAfter(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

struct Listener {
  std::function<void(const Progress&)> on_progress;
  std::function<void(const std::string&)> on_note;     ///< something the user should know
  std::function<void(const std::string&)> on_warning;  ///< something the user should act on

  void progress(const Progress& step) const {
    if (on_progress) on_progress(step);
  }
  void note(const std::string& text) const {
    if (on_note) on_note(text);
  }
  void warning(const std::string& text) const {
    if (on_warning) on_warning(text);
  }
};

}  // namespace uncurl
