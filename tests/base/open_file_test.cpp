#include "uncurl/base/open_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

std::string error_of_opening(const fs::path& path) {
  return error_of([&] { open_to_read(path); });
}

TEST(OpenFile, SaysThatThereIsNothing) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of_opening(folder / "absent"),
            (folder / "absent").string() + ": cannot be opened: No such file or directory");
}

TEST(OpenFile, NamesWhereADanglingLinkLeads) {
  const TemporaryFolder folder;
  fs::create_symlink("../blobs/0123", folder / "model.safetensors");
  EXPECT_THAT(error_of_opening(folder / "model.safetensors"),
              HasSubstr("model.safetensors: is a link to ../blobs/0123, which does not exist"));
  EXPECT_TRUE(has_entry(folder / "model.safetensors"));
  EXPECT_FALSE(has_entry(folder / "other"));
}

TEST(OpenFile, RefusesALinkToItself) {
  const TemporaryFolder folder;
  fs::create_symlink("loop", folder / "loop");
  EXPECT_THAT(error_of_opening(folder / "loop"),
              HasSubstr("loop: cannot be opened: Too many levels of symbolic links"));
}

TEST(OpenFile, FollowsLinksAsAHubCacheHasThem) {
  const TemporaryFolder folder;
  fs::create_directories(folder / "snapshots");
  fs::create_directories(folder / "blobs");
  write_text(folder / "blobs/0123", "weights");
  fs::create_symlink("../blobs/0123", folder / "snapshots/model.safetensors");
  EXPECT_EQ(read_text(folder / "snapshots/model.safetensors"), "weights");
}

TEST(OpenFile, RefusesAFolder) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of_opening(folder.path()), folder.path().string() + ": is a folder, expected a file");
}

// Without O_NONBLOCK this would wait for a writer that never comes.
TEST(OpenFile, RefusesAPipeAtOnceAndSaysWhatToDo) {
  const TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(error_of_opening(folder / "pipe"),
              testing::AllOf(HasSubstr("pipe: is a pipe"), HasSubstr("write what it delivers into a file")));
}

TEST(OpenFile, RefusesAPipeOfTheShell) {  // what `<(command)` hands over
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_THAT(error_of_opening("/dev/fd/" + std::to_string(ends[0])), HasSubstr("is a pipe"));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(OpenFile, RefusesADeviceThatNeverEnds) {
  EXPECT_EQ(error_of_opening("/dev/zero"), "/dev/zero: is a device, expected a file");
}

TEST(OpenFile, RefusesASocket) {
  const TemporaryFolder folder;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  const int listening = ::socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  EXPECT_THAT(error_of_opening(folder / "socket"), HasSubstr("socket: is a socket, expected a file"));
  ::close(listening);
}

TEST(OpenFile, RefusesANameWithAZeroByte) {
  const TemporaryFolder folder;
  write_text(folder / "a", "text");
  const fs::path name = (folder / "a").string() + std::string("\0.safetensors", 13);
  EXPECT_THAT(error_of_opening(name), HasSubstr("a\\x00.safetensors: has a zero byte in its name"));
}

TEST(OpenFile, NamesTheReasonOfTheSystem) {
  const TemporaryFolder folder;
  write_text(folder / "secret", "text");
  fs::permissions(folder / "secret", fs::perms::none);
  if (::access((folder / "secret").c_str(), R_OK) == 0) GTEST_SKIP() << "this user may read everything";
  EXPECT_THAT(error_of_opening(folder / "secret"), HasSubstr("secret: cannot be opened: Permission denied"));
}

}  // namespace
}  // namespace uncurl
