#include "uncurl/base/work_folder.h"

#include <unistd.h>

#include <system_error>

#include "uncurl/base/sync.h"
#include "uncurl/base/write_file.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;

/// A folder that is still empty may be taken: a run that is killed at the right moment leaves one.
bool is_ours(const fs::path& work, const WorkKind& kind) {
  return fs::is_directory(work) && (fs::is_empty(work) || fs::exists(work / kind.mark));
}

void check_target(const fs::path& target, bool overwrite) {
  if (!fs::exists(target)) return;
  check(fs::is_directory(target), target.string(), ": exists and is no folder; choose another name");
  check(overwrite, target.string(), ": exists; pass --overwrite to replace it, or choose another folder");
}

void remove_folder(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder, error);
  check(!error, folder.string(), ": cannot be removed: ", error.message());
}

}  // namespace

fs::path named(const fs::path& path) {
  const fs::path trimmed = path.has_filename() ? path : path.parent_path();
  const fs::path name = trimmed.filename();
  return name == "." || name == ".." ? fs::weakly_canonical(fs::absolute(trimmed)) : trimmed;
}

void check_parent(const fs::path& path) {
  const fs::path parent = parent_of(path);
  check(fs::is_directory(parent), path.string(), ": its folder ", parent.string(), " does not exist; create it first");
  check(::access(parent.c_str(), W_OK) == 0, path.string(), ": no permission to write into ", parent.string());
}

WorkFolder::WorkFolder(const fs::path& target, const WorkKind& kind, bool overwrite)
    : target_(named(target)),
      work_(partial_name(target_)),
      checkpoint_(work_ / "checkpoint"),
      verified_(work_ / "verified"),
      replaced_(work_ / "replaced"),
      kind_(kind),
      overwrite_(overwrite) {
  check_parent(target_);
  if (fs::exists(work_)) {
    check(is_ours(work_, kind_), work_.string(), ": exists and was not made by ", kind_.maker,
          ", which needs the name while it works; move it away, or choose another output folder");
  } else {
    check_target(target_, overwrite);
  }
  lock_ = std::make_unique<FileLock>(work_ / kind_.mark);
  lock_->expect_held(target_.string());
  lock_->keep_file();  // until nothing else is left to mark
  try {
    put_right();
    check_target(target_, overwrite);
  } catch (...) {
    remove_if_empty();
    throw;
  }
}

/// What an earlier run was stopped at.
void WorkFolder::put_right() {
  finish_what_was_verified();
  if (fs::exists(replaced_) && !fs::exists(target_)) rename_durably(replaced_, target_);
  remove_folder(checkpoint_);
  remove_folder(replaced_);
}

void WorkFolder::finish_what_was_verified() {
  if (!fs::exists(verified_)) return;
  const bool replaces = fs::exists(target_);
  check(!replaces || overwrite_, verified_.string(),
        ": an earlier run finished this checkpoint and was stopped before "
        "it could replace ",
        target_.string(), "; move one of the two away, or pass --overwrite to replace it");
  place();
  if (overwrite_) return;
  clear();
  throw FinishedBefore(concat(target_.string(),
                              ": exists: an earlier run finished it and was stopped before it had "
                              "its name, which it has now; pass --overwrite to replace it, or choose another folder"));
}

WorkFolder::~WorkFolder() {
  if (!lock_) return;
  if (!keeps_work_) clear();
  remove_if_empty();
}

void WorkFolder::clear() const {
  std::error_code ignored;
  for (const fs::path& path : content()) {
    const bool is_needed = path == verified_ || (path == replaced_ && !fs::exists(target_, ignored));
    if (!is_needed) fs::remove_all(path, ignored);
  }
}

std::vector<fs::path> WorkFolder::content() const {
  std::vector<fs::path> paths;
  std::error_code ignored;
  for (fs::directory_iterator entry(work_, ignored), end; entry != end; entry.increment(ignored)) {
    if (entry->path().filename() != kind_.mark) paths.push_back(entry->path());
  }
  return paths;
}

/// The mark goes last, so that a run killed in here leaves a folder that the next one knows.
void WorkFolder::remove_if_empty() const {
  if (!content().empty()) return;
  std::error_code ignored;
  fs::remove(work_ / kind_.mark, ignored);
  fs::remove(work_, ignored);
}

void WorkFolder::commit() {
  sync_tree(checkpoint_);
  try {
    rename_durably(checkpoint_, verified_);
  } catch (const Error& error) {
    keeps_work_ = true;
    fail(error.what(), "; the finished checkpoint is in ", (fs::exists(verified_) ? verified_ : checkpoint_).string(),
         ": move it from there, or run the same command again");
  }
  clear();  // what a later run would go on from: that is finished now
  place();
  clear();
  remove_if_empty();
  lock_.reset();
}

/// The old target may be gone only for the moment between two renames; a run that is killed there leaves what the next
/// one needs to go on.
void WorkFolder::place() {
  const bool replaces = fs::exists(target_);
  check(!replaces || overwrite_, target_.string(),
        ": exists, and did not when this run began; the finished checkpoint is in ", verified_.string(),
        ": move it from there, or run the same command again with --overwrite");
  try {
    if (replaces) rename_durably(target_, replaced_);
    rename_durably(verified_, target_);
  } catch (const Error& error) {
    std::error_code ignored;
    if (!fs::exists(target_, ignored) && fs::exists(replaced_, ignored)) fs::rename(replaced_, target_, ignored);
    fail(error.what(), "; the finished checkpoint is in ", (fs::exists(verified_) ? verified_ : target_).string(),
         fs::exists(verified_) ? ", from where the next run with this output gives it its name" : "");
  }
}

}  // namespace uncurl
