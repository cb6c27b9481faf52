#include "uncurl/checkpoint/output_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

using testing::HasSubstr;

/// While it lives no file of this process may grow past the limit: stands in for a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    old_action_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_action_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit old_limit_{};
  void (*old_action_)(int) = nullptr;
};

TEST(OutputFile, HoldsWhatWasWrittenInAnyOrder) {
  const TemporaryFolder folder;
  OutputFile file(folder / "f", 6);
  file.write_at(3, as_bytes("def"));
  file.write_at(0, as_bytes("abc"));
  file.complete();
  EXPECT_EQ(content(folder / "f"), "abcdef");
}

TEST(OutputFile, HasItsFullSizeFromTheStart) {
  const TemporaryFolder folder;
  const OutputFile file(folder / "f", 12345);
  EXPECT_EQ(std::filesystem::file_size(folder / "f"), 12345u);
}

TEST(OutputFile, NeverReplacesAFile) {
  const TemporaryFolder folder;
  folder.put("f", "precious");
  EXPECT_THAT(error_of([&] { OutputFile(folder / "f", 1); }), HasSubstr("/f: cannot be created: File exists"));
  EXPECT_EQ(content(folder / "f"), "precious");
}

TEST(OutputFile, SaysWhenTheSpaceCannotBeReserved) {
  const TemporaryFolder folder;
  const FileSizeLimit limit(1000);
  EXPECT_THAT(error_of([&] { OutputFile(folder / "f", 1001); }),
              HasSubstr("/f: 1001 bytes cannot be reserved: File too large"));
}

TEST(OutputFile, SaysWhenBytesCannotBeWritten) {
  const TemporaryFolder folder;
  OutputFile file(folder / "f", 2000);
  const FileSizeLimit limit(1000);
  // The first 500 bytes still fit: a write that is cut short is continued, and fails where the limit is.
  EXPECT_THAT(error_of([&] { file.write_at(500, as_bytes(std::string(1000, 'x'))); }),
              HasSubstr("/f: cannot be written at byte 1000: File too large"));
}

}  // namespace
}  // namespace uncurl::checkpoint
