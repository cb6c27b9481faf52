#include "uncurl/prune/output_folder.h"

#include <unistd.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"

namespace uncurl::prune {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMark = ".uncurl";

bool begins_with(const fs::path& path, const fs::path& beginning) {
  const auto [end, ignored] = std::mismatch(beginning.begin(), beginning.end(), path.begin(), path.end());
  return end == beginning.end();
}

/// Whether a path is the folder or lies inside it. The name counts and, if it is a link, also what it points to.
bool lies_inside(const fs::path& path, const fs::path& folder) {
  const fs::path outer = fs::weakly_canonical(fs::absolute(folder)), inner = fs::absolute(path);
  const fs::path place = fs::weakly_canonical(inner.parent_path()) / inner.filename();
  return begins_with(place, outer) || begins_with(fs::weakly_canonical(inner), outer);
}

/// The path with its name as the last part, where a trailing slash or dots may stand.
fs::path named(const fs::path& path) {
  const fs::path trimmed = path.has_filename() ? path : path.parent_path();
  const fs::path name = trimmed.filename();
  return name == "." || name == ".." ? fs::weakly_canonical(fs::absolute(trimmed)) : trimmed;
}

/// A folder that is still empty may be taken: a run that is killed at the right moment leaves one.
bool is_ours(const fs::path& work) {
  return fs::is_directory(work) && (fs::is_empty(work) || fs::exists(work / kMark));
}

void move(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  check(!error, from.string(), ": cannot be moved to ", to.string(), ": ", error.message());
}

void check_parent(const fs::path& path) {
  const fs::path parent = fs::absolute(path).parent_path();
  check(fs::is_directory(parent), path.string(), ": its folder ", parent.string(), " does not exist; create it first");
  check(::access(parent.c_str(), W_OK) == 0, path.string(), ": no permission to write into ", parent.string());
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& target, const fs::path& input, bool overwrite)
    : target_(named(target)),
      work_(partial_name(target_)),
      partial_(work_ / "checkpoint"),
      replaced_(work_ / "replaced") {
  check(!target_.empty(), "the output folder needs a name");
  check(!lies_inside(target_, input) && !lies_inside(input, target_), target_.string(),
        ": the output must be neither the input folder, nor inside it, nor hold it; choose another folder");
  check_parent(target_);
  if (fs::exists(work_)) {
    check(is_ours(work_), work_.string(),
          ": exists and was not made by this program, which needs the name while it "
          "writes; move it away, or choose another output folder");
    clear();
  }
  if (fs::exists(target_)) {
    check(fs::is_directory(target_), target_.string(), ": exists and is no folder; choose another name");
    check(overwrite, target_.string(), ": exists; pass --overwrite to replace it, or choose another folder");
  }
  make_work_folder();
}

void OutputFolder::make_work_folder() const {
  std::error_code error;
  fs::create_directory(work_, error);
  check(!error, work_.string(), ": cannot be created: ", error.message());
  try {
    write_text(work_ / kMark, "The work of a run of uncurl; the next one with this output folder removes it.\n");
  } catch (const Error&) {
    clear();
    throw;
  }
}

OutputFolder::~OutputFolder() { clear(); }

void OutputFolder::expect_outside(const fs::path& file) const {
  check(!lies_inside(file, target_), file.string(), ": lies inside the output folder ", target_.string(),
        ", which is replaced as a whole; use a place outside");
}

void OutputFolder::commit() {
  if (fs::exists(target_)) move(target_, replaced_);
  move(partial_, target_);
  clear();
}

/// The mark goes last, so that a run killed in here leaves a folder that the next one knows.
void OutputFolder::clear() const {
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
  if (fs::exists(target_, ignored)) {
    fs::remove_all(replaced_, ignored);
  } else {
    fs::rename(replaced_, target_, ignored);  // killed between the two moves of commit()
  }
  fs::remove(work_ / kMark, ignored);
  fs::remove(work_, ignored);
}

void check_output_file(const fs::path& path, const fs::path& input, bool overwrite) {
  check(!path.empty(), "the output file needs a name");
  check(!lies_inside(path, input), path.string(), ": lies inside the input folder ", input.string(),
        ", in which nothing is ever written; choose another place");
  check(!fs::exists(path) || overwrite, path.string(),
        ": exists; pass --overwrite to replace it, or choose another name");
  check(!fs::is_directory(path), path.string(), ": is a folder, expected the name of a file");
  check_parent(path);
}

}  // namespace uncurl::prune
