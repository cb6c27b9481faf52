// Damage of every kind to a small valid file: the answer is an Error or a parse whose every promise holds, never a
// crash. Run under the address sanitizer this also shows that no byte outside the file is read.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "tests/checkpoint/fixtures.h"
#include "uncurl/base/random.h"
#include "uncurl/checkpoint/dtype.h"
#include "uncurl/checkpoint/safetensors.h"

namespace uncurl::checkpoint {
namespace {

const std::string& valid_file() {
  static const std::string file = [] {
    const std::vector<TensorSpec> tensors = {{"model.layers.0.mlp.gate.weight", "F32", {4, 3}},
                                             {"model.layers.0.mlp.experts.0.up_proj.weight", "BF16", {2, 5}},
                                             {"packed", "F4", {2, 3}},
                                             {"empty", "U8", {0, 7}}};
    return safetensors_header(tensors, {{"format", "pt"}}) + std::string(48 + 20 + 3, 'x');
  }();
  return file;
}

/// Parses a copy that ends where its heap block ends. True if it was accepted.
bool accepts(std::string_view file) {
  const auto exact = std::make_unique<std::byte[]>(file.size());
  std::memcpy(exact.get(), file.data(), file.size());
  try {
    const SafetensorsFile parsed = parse_safetensors_header({exact.get(), file.size()}, "f");
    std::uint64_t end = parsed.tensors.empty() ? file.size() : parsed.tensors.front().begin;
    for (const TensorInfo& info : parsed.tensors) {
      EXPECT_EQ(info.begin, end) << file;
      EXPECT_EQ(info.num_bytes(), count_bytes(info.dtype, info.shape)) << file;
      end = info.end;
    }
    EXPECT_EQ(end, file.size()) << file;
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(HostileSafetensors, TheUndamagedFileIsAccepted) { EXPECT_TRUE(accepts(valid_file())); }

TEST(HostileSafetensors, EveryTruncationIsRefused) {
  for (std::size_t size = 0; size < valid_file().size(); ++size) {
    EXPECT_FALSE(accepts(std::string_view(valid_file()).substr(0, size))) << size;
  }
}

TEST(HostileSafetensors, EveryAppendedByteIsRefused) { EXPECT_FALSE(accepts(valid_file() + "x")); }

TEST(HostileSafetensors, EveryChangeOfOneByteIsRefusedOrConsistent) {
  const std::size_t header_end = valid_file().size() - 71;  // 71 bytes of data follow
  std::size_t num_accepted = 0;
  for (std::size_t at = 0; at < header_end; ++at) {
    for (int value = 0; value < 256; ++value) {
      std::string damaged = valid_file();
      damaged[at] = static_cast<char>(value);
      num_accepted += accepts(damaged);
    }
  }
  // Letters of the names may change freely, the rest hardly: both outcomes have to occur.
  EXPECT_GT(num_accepted, header_end);
  EXPECT_LT(num_accepted, header_end * 256 / 2);
}

TEST(HostileSafetensors, SeveralChangesAtOnceAreRefusedOrConsistent) {
  constexpr std::string_view kTelling = "{}[],:\"\\0123456789-+.eE \n\t\xff\xc3";
  Rng rng(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = valid_file();
    for (std::uint64_t change = 0; change < 1 + rng.below(6); ++change) {
      const std::size_t at = rng.below(damaged.size() - 8) + 8;
      switch (rng.below(4)) {
        case 0:
          damaged[at] = kTelling[rng.below(kTelling.size())];
          break;
        case 1:
          damaged.insert(at, 1, kTelling[rng.below(kTelling.size())]);
          break;
        case 2:
          damaged.erase(at, 1 + rng.below(4));
          break;
        default:
          damaged.insert(at, damaged.substr(rng.below(damaged.size()), rng.below(40)));
      }
      if (damaged.size() < 17) break;
    }
    // Half of them get a length that fits, so that the damage reaches the JSON.
    if (round % 2 == 0 && damaged.size() > 79)
      damaged = raw_file(std::string_view(damaged).substr(8, damaged.size() - 79), std::string(71, 'x'));
    accepts(damaged);
  }
}

}  // namespace
}  // namespace uncurl::checkpoint
