#include "uncurl/base/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(InputFile, ReadsTheBytesThatAreAskedFor) {
  const TemporaryFolder folder;
  write_text(folder / "f", "abcdefgh");
  const InputFile file(folder / "f");
  std::string part(3, '.');
  file.read(4, std::as_writable_bytes(std::span(part)));
  EXPECT_EQ(file.size(), 8u);
  EXPECT_EQ(part, "efg");
}

TEST(InputFile, GivesAllPiecesInTheirOrder) {
  const TemporaryFolder folder;
  std::string text(kPieceBytes + 5, 'x');
  text.back() = 'y';
  write_text(folder / "f", text);
  std::string all;
  int num_pieces = 0;
  InputFile(folder / "f").for_each_piece([&](std::span<const std::byte> piece) {
    all += text_of(piece);
    ++num_pieces;
  });
  EXPECT_TRUE(all == text);
  EXPECT_EQ(num_pieces, 2);
}

TEST(InputFile, HasNoPieceWhereItIsEmpty) {
  const TemporaryFolder folder;
  write_text(folder / "f", "");
  InputFile(folder / "f").for_each_piece([](std::span<const std::byte>) { FAIL(); });
}

TEST(InputFile, NamesTheFileThatBecameShorterSinceItWasOpened) {
  const TemporaryFolder folder;
  write_text(folder / "f", "abcdefgh");
  const InputFile file(folder / "f");
  std::filesystem::resize_file(folder / "f", 6);
  std::string part(4, '.');
  EXPECT_THAT(error_of([&] { file.read(4, std::as_writable_bytes(std::span(part))); }),
              AllOf(HasSubstr((folder / "f").string()), HasSubstr("has 6 bytes now, but had 8 when")));
}

TEST(InputFile, StaysTheFileThatWasOpenedWhenAnotherTakesItsName) {
  const TemporaryFolder folder;
  write_text(folder / "f", "old");
  const InputFile file(folder / "f");
  write_text(folder / "f", "new");
  std::string text(3, '.');
  file.read(0, std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(text, "old");
}

}  // namespace
}  // namespace uncurl
