// Several processes, on one machine or on several with a common file system, can work on one study: a stage that one of
// them runs is locked for the others. The system drops the lock when the process ends, however it ends.
#pragma once

#include <filesystem>

namespace uncurl::study {

class StageLock {
 public:
  /// Tries to lock PATH.lock, without waiting. @throws Error if it cannot be created
  explicit StageLock(const std::filesystem::path& path);
  ~StageLock();
  StageLock(const StageLock&) = delete;
  StageLock& operator=(const StageLock&) = delete;

  bool is_held() const { return held_; }  ///< false: another process works on it

 private:
  std::filesystem::path path_;
  int file_ = -1;
  bool held_ = false;
};

}  // namespace uncurl::study
