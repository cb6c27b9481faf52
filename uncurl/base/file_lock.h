// One live owner of an output. The system drops the lock when the process ends, however it ends, so what a killed run
// left is free to take: a file without a lock on it means nothing.
#pragma once

#include <filesystem>
#include <string>

namespace uncurl {

class FileLock {
 public:
  /// Tries to lock the file, without waiting; makes it, and its folder, if they are absent. On a file system that has
  /// no locks (some network ones) the lock counts as held: a single run loses nothing, and two at once are not told
  /// apart there.
  /// @throws Error if the file cannot be made
  explicit FileLock(std::filesystem::path path);
  /// Removes the file, if the lock is held, unless keep_file() was called.
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  bool is_held() const { return held_; }
  /// @throws Error naming `what` and the process that holds the lock, if this one does not
  void expect_held(const std::string& what) const;
  void keep_file() { removes_ = false; }

 private:
  bool lock();
  void say_who() const;

  std::filesystem::path path_;
  int file_ = -1;
  bool held_ = false, removes_ = true;
};

}  // namespace uncurl
