#include "uncurl/train/run_folder.h"

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"

namespace uncurl::train {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".uncurl-train";

}  // namespace

RunFolder::RunFolder(const fs::path& target, bool overwrite)
    : target_(target.has_filename() ? target : target.parent_path()), work_(partial_name(target_)) {
  check(!target_.empty(), "output: a training run needs a folder to write to (key 'output')");
  const fs::path parent = fs::absolute(target_).parent_path();
  check(fs::is_directory(parent), target_.string(), ": its folder ", parent.string(),
        " does not exist; create it first");
  check(!fs::exists(target_) || overwrite, target_.string(),
        ": exists; pass --overwrite to replace it, or choose another output");
  check(!fs::exists(target_) || fs::is_directory(target_), target_.string(),
        ": exists and is no folder; choose another output");
  const bool is_ours = !fs::exists(work_) || fs::exists(work_ / kMark) || fs::is_empty(work_);
  check(is_ours, work_.string(),
        ": exists and was not made by a training run, which needs the name while it works; move it away, or choose "
        "another output");
  if (overwrite) fs::remove_all(work_);
  fs::remove_all(checkpoint());
  fs::create_directories(work_);
  write_text(work_ / kMark, "The work of a training run of uncurl, which goes on from here.\n");
}

void RunFolder::commit() {
  fs::copy_file(log(), checkpoint() / "log.jsonl");
  if (fs::exists(target_)) fs::rename(target_, work_ / "replaced");
  fs::rename(checkpoint(), target_);
  fs::remove_all(work_);
}

}  // namespace uncurl::train
