// The folder a checkpoint is written to: it is made inside a work folder beside the target until it is verified, then
// moved to its name.
#pragma once

#include <filesystem>

#include "uncurl/base/work_folder.h"

namespace uncurl::prune {

class OutputFolder {
 public:
  /// Refuses at once what would fail at the end, and takes TARGET.partial as WorkFolder does.
  /// @throws Error as WorkFolder, and if `target` is empty, is the input folder, lies inside it or holds it
  OutputFolder(const std::filesystem::path& target, const std::filesystem::path& input, bool overwrite);

  const std::filesystem::path& target() const { return work_.target(); }       ///< without a trailing slash
  const std::filesystem::path& partial() const { return work_.checkpoint(); }  ///< to write into; does not exist yet

  /// @throws Error if the file lies inside the target, which commit() replaces as a whole
  void expect_outside(const std::filesystem::path& file) const;

  /// Call it once the folder is verified. @throws Error as WorkFolder::commit, which keeps it whatever fails
  void commit() { work_.commit(); }

 private:
  WorkFolder work_;
};

/// @param input  the folder of the model, in which nothing is ever written
/// @throws Error unless a file of this name can be created: it lies outside the input, its folder exists, and it is no
///         folder
void check_output_place(const std::filesystem::path& path, const std::filesystem::path& input);

/// @throws Error also if it exists and may not be replaced
void check_output_file(const std::filesystem::path& path, const std::filesystem::path& input, bool overwrite);

}  // namespace uncurl::prune
