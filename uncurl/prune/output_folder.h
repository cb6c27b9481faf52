// The folder a checkpoint is written to: under a partial name until it is verified, then there by one rename.
#pragma once

#include <filesystem>

namespace uncurl::prune {

class OutputFolder {
 public:
  /// Refuses at once what would fail at the end.
  /// @throws Error if `target` is the input folder, lies inside it or holds it, if it exists and `overwrite` is not
  /// set,
  ///         or is not a folder, or if its parent cannot be written to
  OutputFolder(std::filesystem::path target, const std::filesystem::path& input, bool overwrite);
  /// Removes the partial folder unless commit() was called.
  ~OutputFolder();
  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  const std::filesystem::path& target() const { return target_; }
  const std::filesystem::path& partial() const { return partial_; }

  /// Moves the partial folder to its name; an overwritten folder is removed only after that.
  void commit();

 private:
  std::filesystem::path target_, partial_;
  bool committed_ = false;
};

/// @throws Error unless a file of this name can be created: its folder exists, and it does not, or may be replaced
void check_output_file(const std::filesystem::path& path, bool overwrite);

}  // namespace uncurl::prune
