#include "uncurl/prune/output_folder.h"

#include <unistd.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"

namespace uncurl::prune {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& inner, const fs::path& outer) {
  const auto [outer_end, ignored] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return outer_end == outer.end();
}

/// The path without a trailing slash, which would make its file name empty.
fs::path trimmed(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

void check_parent(const fs::path& path) {
  const fs::path parent = fs::absolute(path).parent_path();
  check(fs::is_directory(parent), path.string(), ": its folder ", parent.string(), " does not exist; create it first");
  check(::access(parent.c_str(), W_OK) == 0, path.string(), ": no permission to write into ", parent.string());
}

}  // namespace

OutputFolder::OutputFolder(fs::path target, const fs::path& input, bool overwrite)
    : target_(trimmed(target)), partial_(partial_name(target_)) {
  const fs::path out = fs::weakly_canonical(target_), in = fs::weakly_canonical(input);
  check(!is_inside(out, in) && !is_inside(in, out), target_.string(),
        ": the output must be neither the input folder, nor inside it, nor hold it; choose another folder");
  if (fs::exists(target_)) {
    check(fs::is_directory(target_), target_.string(), ": exists and is no folder; choose another name");
    check(overwrite, target_.string(), ": exists; pass --overwrite to replace it, or choose another folder");
  }
  check_parent(target_);
  fs::remove_all(partial_);  // left by a run that was killed
}

OutputFolder::~OutputFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
}

void OutputFolder::commit() {
  fs::path old = target_;
  old += ".replaced";
  const bool replaces = fs::exists(target_);
  if (replaces) {
    fs::remove_all(old);
    fs::rename(target_, old);
  }
  fs::rename(partial_, target_);
  committed_ = true;
  if (replaces) fs::remove_all(old);
}

void check_output_file(const fs::path& path, bool overwrite) {
  check(!fs::exists(path) || overwrite, path.string(),
        ": exists; pass --overwrite to replace it, or choose another name");
  check(!fs::is_directory(path), path.string(), ": is a folder, expected the name of a file");
  check_parent(path);
}

}  // namespace uncurl::prune
