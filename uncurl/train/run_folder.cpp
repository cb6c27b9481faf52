#include "uncurl/train/run_folder.h"

#include "uncurl/base/error.h"
#include "uncurl/base/write_file.h"

namespace uncurl::train {
namespace {

namespace fs = std::filesystem;

const fs::path& with_name(const fs::path& target) {
  check(!target.empty(), "output: a training run needs a folder to write to (key 'output')");
  return target;
}

}  // namespace

RunFolder::RunFolder(const fs::path& target, bool overwrite)
    : work_(with_name(target), {.mark = ".uncurl-train", .maker = "a training run"}, overwrite) {
  if (overwrite) work_.clear();
  work_.keep_work();
}

void RunFolder::commit() {
  copy_to(log(), checkpoint() / "log.jsonl");
  work_.commit();
}

}  // namespace uncurl::train
