// What a killed run goes on from: weights, optimiser and position, in one file that is always whole.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/train/optimizer.h"

namespace uncurl::train {

/// Where a run stands. The data need no state: which rows a step sees follows from its number.
struct Position {
  std::int64_t step = 0;  ///< steps done
  std::int64_t tokens = 0;
  double seconds = 0;
};

class StateFile {
 public:
  /// @param key  recognises a run: config, model and data
  StateFile(std::filesystem::path path, std::string key) : path_(std::move(path)), key_(std::move(key)) {}

  /// Replaces the state before it. Takes three times the bytes of the trained tensors, in fp32.
  void save(const std::vector<Trained>& trained, const Position& position) const;

  /// Fills the trained tensors and their optimiser, if there is a state of this run.
  /// One that cannot be read counts as none, with a note.
  /// @throws Error if there is one of another run, with the way out
  std::optional<Position> load(std::vector<Trained>& trained, const Listener& listener) const;

 private:
  std::filesystem::path path_;
  std::string key_;
};

}  // namespace uncurl::train
