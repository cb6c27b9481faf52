// Where a folder is made before it has its name. Beside the target TARGET stands TARGET.partial, which one live process
// owns; in it
//   checkpoint  is being written,
//   verified    is whole and on the disk, and is never removed: the next run gives it its name,
//   replaced    is the old target, between the two renames that put the new one in its place.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/file_lock.h"

namespace uncurl {

/// Whose work it is. A mark inside tells the work folder from one of the user's.
struct WorkKind {
  const char* mark;   ///< name of the file that marks the folder and is locked
  const char* maker;  ///< for messages: "this program"
};

/// The target stands, whole: a run that was stopped had left it in the work folder, and it was only given its name now.
class FinishedBefore : public Error {
 public:
  using Error::Error;
};

class WorkFolder {
 public:
  /// Makes the work folder, or takes one that a killed run left, and puts right what that was stopped at.
  /// @param overwrite  an existing target will be replaced
  /// @throws Error if another process works there; if the target's folder is absent or cannot be written to; if the
  ///         target exists and `overwrite` is not set, or is no folder; if TARGET.partial is not of this kind; if it
  ///         holds a verified folder and the target exists, without `overwrite`
  /// @throws FinishedBefore if such a folder has its name now, without `overwrite`
  WorkFolder(const std::filesystem::path& target, const WorkKind& kind, bool overwrite);
  /// Clears the work folder, unless keep_work() was called or it holds what is verified, and removes it if it is empty.
  ~WorkFolder();
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  const std::filesystem::path& target() const { return target_; }  ///< without a trailing slash
  const std::filesystem::path& work() const { return work_; }
  const std::filesystem::path& checkpoint() const { return checkpoint_; }  ///< to write into

  /// What the work folder holds stays when this object goes: a later run goes on from it.
  void keep_work() { keeps_work_ = true; }
  /// Removes all that the work folder holds, what is verified apart.
  void clear() const;

  /// Syncs the checkpoint and moves it to the target's name; a folder that it replaces is removed only after that.
  /// @throws Error if that fails. The target is the old one then, or none where there was none, and the message says
  ///         where the new one is.
  void commit();

 private:
  void put_right();
  void finish_what_was_verified();
  void place();
  std::vector<std::filesystem::path> content() const;
  void remove_if_empty() const;

  std::filesystem::path target_, work_, checkpoint_, verified_, replaced_;
  WorkKind kind_;
  std::unique_ptr<FileLock> lock_;
  bool overwrite_, keeps_work_ = false;
};

/// The path with its name as the last part, where a trailing slash or dots may stand.
std::filesystem::path named(const std::filesystem::path& path);

/// @throws Error unless the folder that is to hold `path` exists and may be written to
void check_parent(const std::filesystem::path& path);

}  // namespace uncurl
