// Where a run works and what it leaves: OUT.partial holds its state and log until OUT is whole.
#pragma once

#include <filesystem>

#include "uncurl/base/work_folder.h"

namespace uncurl::train {

class RunFolder {
 public:
  /// Makes OUT.partial, or takes one that an earlier run left.
  /// @param overwrite  an existing OUT will be replaced, and what OUT.partial holds is forgotten
  /// @throws Error as WorkFolder
  RunFolder(const std::filesystem::path& target, bool overwrite);

  std::filesystem::path state() const { return work_.work() / "state.safetensors"; }
  std::filesystem::path log() const { return work_.work() / "log.jsonl"; }
  const std::filesystem::path& checkpoint() const { return work_.checkpoint(); }  ///< does not exist yet

  /// Copies the log into the checkpoint and moves that to its name; the rest of the work is gone then.
  void commit();

 private:
  WorkFolder work_;
};

}  // namespace uncurl::train
