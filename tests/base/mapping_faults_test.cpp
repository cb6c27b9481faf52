#include "uncurl/base/mapping_faults.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

constexpr std::size_t kSize = 1 << 20;

int sum_of(const MappedFile& file) {
  int sum = 0;
  for (const std::byte byte : file.bytes()) sum += static_cast<int>(byte);
  return sum;
}

/// Reads a file that was cut short after it was mapped, beside one that was not.
void read_after_cut(const std::filesystem::path& path, const std::filesystem::path& other) {
  handle_mapping_faults();
  const MappedFile before(other), file(path);
  std::filesystem::resize_file(path, 4096);
  std::exit(sum_of(before) + sum_of(file) == 0 ? 7 : 8);
}

// An error that names the file, and no signal.
TEST(MappingFaultsDeathTest, EndTheProcessNamingTheFile) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder / "model.safetensors", other = folder / "other.safetensors";
  for (const std::filesystem::path& each : {path, other}) std::ofstream(each) << std::string(kSize, 'x');
  EXPECT_EXIT(read_after_cut(path, other), testing::ExitedWithCode(1),
              "error: .*model.safetensors: cannot be read any more: it was cut short");
}

TEST(MappingFaults, ForgetFilesThatAreClosed) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "a") << std::string(kSize, 'x');
  for (int i = 0; i < 5000; ++i) const MappedFile file(folder / "a");  // more than there are places for
  EXPECT_EQ(sum_of(MappedFile(folder / "a")), static_cast<int>(kSize) * 'x');
}

}  // namespace
}  // namespace uncurl
