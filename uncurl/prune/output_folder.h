// The folder a checkpoint is written to: it is made inside a work folder beside the target until it is verified, then
// moved to its name.
#pragma once

#include <filesystem>

namespace uncurl::prune {

class OutputFolder {
 public:
  /// Refuses at once what would fail at the end, and makes the work folder TARGET.partial. One that a killed run left
  /// is cleared: a mark inside tells it from a folder of the user's.
  /// @throws Error if `target` is empty, is the input folder, lies inside it or holds it, if it exists and
  ///         `overwrite` is not set or is not a folder, if its parent cannot be written to, or if TARGET.partial exists
  ///         without our mark
  OutputFolder(const std::filesystem::path& target, const std::filesystem::path& input, bool overwrite);
  /// Removes the work folder.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::filesystem::path& target() const { return target_; }    ///< without a trailing slash
  const std::filesystem::path& partial() const { return partial_; }  ///< to write into; does not exist yet

  /// @throws Error if the file lies inside the target, which commit() replaces as a whole
  void expect_outside(const std::filesystem::path& file) const;

  /// Moves the partial folder to its name; an overwritten folder is removed only after that.
  void commit();

 private:
  void make_work_folder() const;
  void clear() const;

  std::filesystem::path target_, work_, partial_, replaced_;
};

/// @param input  the folder of the model, in which nothing is ever written
/// @throws Error unless a file of this name can be created: it lies outside the input, its folder exists, and it does
///         not, or may be replaced
void check_output_file(const std::filesystem::path& path, const std::filesystem::path& input, bool overwrite);

}  // namespace uncurl::prune
