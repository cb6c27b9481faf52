// log.jsonl: one JSON object a line, for every step and every validation. See docs/formats.md.
#pragma once

#include <filesystem>
#include <fstream>

#include "uncurl/base/json.h"

namespace uncurl::train {

class Log {
 public:
  /// Goes on after the lines of the first `num_steps` steps that the file holds; what a killed run wrote after its
  /// last state is cut off.
  Log(const std::filesystem::path& path, std::int64_t num_steps);

  /// Reaches the file at once. @param line  has the key "step"
  void write(const Json& line);
  /// Returns once all lines are on the disk: a state that is saved must not be ahead of its log.
  void sync() const;

 private:
  std::filesystem::path path_;
  std::ofstream out_;
};

}  // namespace uncurl::train
