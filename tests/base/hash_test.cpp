// Expected digests were printed by Python's xxhash 4.1.0 (library 0.8.4): xxh3_64_hexdigest, xxh3_128_hexdigest.
#include "uncurl/base/hash.h"

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl {
namespace {

TEST(Hash, EqualsPythonsXxhashOnTexts) {
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(hash64("expert"), 0x97b3af14d74d27e6u);
  EXPECT_EQ(hash64("expert", 7), 0xcd10b0d4e275c660u);
}

TEST(Hasher, OfNothingEqualsPythonsXxhash) { EXPECT_EQ(Hasher().hex(), "99aa06d3014798d86001c324468d497f"); }

TEST(Hasher, OfManyBytesInPiecesEqualsPythonsXxhashOfAll) {  // bytes(i % 251 for i in range(5000))
  std::vector<std::byte> bytes;
  for (int i = 0; i < 5000; ++i) bytes.push_back(static_cast<std::byte>(i % 251));
  Hasher hasher;
  hasher.add(std::span<const std::byte>(bytes).first(17));
  hasher.add(std::span<const std::byte>(bytes).subspan(17));
  EXPECT_EQ(hasher.hex(), "b92ec02c39d33ce7b418500fc42320ee");
}

TEST(Hash, OfAFileIsThatOfItsBytes) {  // the same bytes, and none
  const test::TemporaryFolder folder;
  std::string bytes;
  for (int i = 0; i < 5000; ++i) bytes += static_cast<char>(i % 251);
  write_text(folder / "bytes", bytes);
  write_text(folder / "empty", "");
  EXPECT_EQ(file_hash(folder / "bytes"), "b92ec02c39d33ce7b418500fc42320ee");
  EXPECT_EQ(file_hash(folder / "empty"), "99aa06d3014798d86001c324468d497f");
}

// Of the bytes: 2 as eight little-endian bytes, "ab", 1 likewise, "c".
TEST(Hasher, OfTextsHashesTheirLengthsToo) {
  Hasher hasher;
  hasher.add("ab");
  hasher.add("c");
  EXPECT_EQ(hasher.hex(), "f2eda2708bcfd51cc05c0ee4c9f60440");
}

TEST(Hasher, TellsHowTextsAreCut) {
  Hasher one, other;
  one.add("ab");
  one.add("c");
  other.add("a");
  other.add("bc");
  EXPECT_NE(one.hex(), other.hex());
}

TEST(Hasher, CanBeAskedInTheMiddle) {
  Hasher asked, silent;
  asked.add("a");
  (void)asked.hex();
  asked.add("b");
  silent.add("a");
  silent.add("b");
  EXPECT_EQ(asked.hex(), silent.hex());
}

// The same arithmetic in Python's big integers.
TEST(Hash, OfTwoNumbersIsTheSameEverywhere) {
  EXPECT_EQ(hash64(0, 0), 0x58016df76f315627u);
  EXPECT_EQ(hash64(3, 5), 0x9d0db706544c564fu);
}

// 4096 pairs, each of 64 bits set with probability 1/2: the share of ones has a standard deviation of 0.001.
TEST(Hash, OfTwoNumbersMixesNeighbours) {
  int ones = 0;
  for (std::uint64_t row = 0; row < 64; ++row) {
    for (std::uint64_t position = 0; position < 64; ++position) {
      ones += std::popcount(hash64(row, position) ^ hash64(row, position + 1));
    }
  }
  EXPECT_NEAR(ones / (4096.0 * 64.0), 0.5, 0.005);
}

}  // namespace
}  // namespace uncurl
