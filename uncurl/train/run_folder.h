// Where a run works and what it leaves: OUT.partial holds its state and log until OUT is whole.
#pragma once

#include <filesystem>

namespace uncurl::train {

class RunFolder {
 public:
  /// Makes OUT.partial, or takes one that an earlier run left.
  /// @param overwrite  an existing OUT will be replaced, and what OUT.partial holds is forgotten
  /// @throws Error if OUT exists and may not be replaced, if its folder cannot be written to, or if OUT.partial is not
  ///         of a training run
  RunFolder(const std::filesystem::path& target, bool overwrite);

  std::filesystem::path state() const { return work_ / "state.safetensors"; }
  std::filesystem::path log() const { return work_ / "log.jsonl"; }
  std::filesystem::path checkpoint() const { return work_ / "checkpoint"; }  ///< does not exist yet

  /// Moves the log into the checkpoint and that to its name; the rest of the work is gone then.
  void commit();

 private:
  std::filesystem::path target_, work_;
};

}  // namespace uncurl::train
