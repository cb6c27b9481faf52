#include "uncurl/prune/output_folder.h"

#include <algorithm>

#include "uncurl/base/error.h"

namespace uncurl::prune {
namespace {

namespace fs = std::filesystem;

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

/// The target, if the input does not forbid it.
const fs::path& outside(const fs::path& target, const fs::path& input) {
  check(!target.empty(), "the output folder needs a name");
  check(!lies_inside(named(target), input) && !lies_inside(input, named(target)), target.string(),
        ": the output must be neither the input folder, nor inside it, nor hold it; choose another folder");
  return target;
}

}  // namespace

OutputFolder::OutputFolder(const fs::path& target, const fs::path& input, bool overwrite)
    : work_(outside(target, input), {.mark = ".uncurl", .maker = "this program"}, overwrite) {}

void OutputFolder::expect_outside(const fs::path& file) const {
  check(!lies_inside(file, target()), file.string(), ": lies inside the output folder ", target().string(),
        ", which is replaced as a whole; use a place outside");
}

void check_output_place(const fs::path& path, const fs::path& input) {
  check(!path.empty(), "the output file needs a name");
  check(!lies_inside(path, input), path.string(), ": lies inside the input folder ", input.string(),
        ", in which nothing is ever written; choose another place");
  check(!fs::is_directory(path), path.string(), ": is a folder, expected the name of a file");
  check_parent(path);
}

void check_output_file(const fs::path& path, const fs::path& input, bool overwrite) {
  check_output_place(path, input);
  check(!fs::exists(path) || overwrite, path.string(),
        ": exists; pass --overwrite to replace it, or choose another name");
}

}  // namespace uncurl::prune
