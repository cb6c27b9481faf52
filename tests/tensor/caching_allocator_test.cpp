#include "uncurl/tensor/caching_allocator.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/support/expect_near.h"

namespace uncurl {
namespace {

constexpr std::int64_t kLarge = 300'000;  // bytes; above the 256 KiB from which blocks are kept

class CachingAllocator : public testing::Test {
 protected:
  void SetUp() override {
    before_ = c10::GetCPUAllocator();
    use_caching_allocator();
  }
  void TearDown() override { c10::SetCPUAllocator(before_, /*priority=*/1); }

 private:
  c10::Allocator* before_ = nullptr;
};

at::Tensor new_bytes(std::int64_t size) { return at::empty({size}, at::kByte); }

TEST_F(CachingAllocator, GivesALargeBlockToTheNextOfItsSize) {
  const void* const first = new_bytes(kLarge).data_ptr();
  EXPECT_EQ(new_bytes(kLarge).data_ptr(), first);
}

TEST_F(CachingAllocator, SharesABlockAmongSizesThatRoundUpTogether) {  // steps of 32 KiB from 256 to 512 KiB
  const void* const first = new_bytes(kLarge).data_ptr();
  EXPECT_EQ(new_bytes(kLarge + 1000).data_ptr(), first);
  const at::Tensor larger = new_bytes(kLarge + 64 * 1024);
  EXPECT_NE(larger.data_ptr(), first);
}

TEST_F(CachingAllocator, GivesTheSmallestBlockThatIsLargeEnough) {
  const void *large = nullptr, *medium = nullptr;
  {
    const at::Tensor one = new_bytes(70 << 20), other = new_bytes(60 << 20);
    large = one.data_ptr();
    medium = other.data_ptr();
  }
  const at::Tensor first = new_bytes(50 << 20), next = new_bytes(50 << 20), third = new_bytes(50 << 20);
  EXPECT_EQ(first.data_ptr(), medium);
  EXPECT_EQ(next.data_ptr(), large);
  EXPECT_NE(third.data_ptr(), large);
}

TEST_F(CachingAllocator, KeepsABlockForRequestsThatAreNotMuchSmaller) {
  const void* const first = new_bytes(320 << 20).data_ptr();
  const at::Tensor small = new_bytes(200 << 20);
  EXPECT_NE(small.data_ptr(), first);
  EXPECT_EQ(new_bytes(240 << 20).data_ptr(), first);
}

TEST_F(CachingAllocator, NeverGivesABlockTwiceAtATime) {
  const at::Tensor one = new_bytes(kLarge), other = new_bytes(kLarge);
  one.fill_(1);
  other.fill_(2);
  EXPECT_EQ(one.min().item<int>(), 1);
  EXPECT_EQ(one.max().item<int>(), 1);
}

TEST_F(CachingAllocator, HoldsWhatIsWrittenAtEverySizeAroundTheThreshold) {
  for (const std::int64_t size : {1L, 63L, 64L, 262'143L, 262'144L, 262'145L, 1L << 20, (1L << 20) + 1}) {
    std::vector<at::Tensor> tensors;
    for (int i = 0; i < 3; ++i) tensors.push_back(at::full({size}, i, at::kByte));
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(tensors[static_cast<std::size_t>(i)].min().item<int>(), i) << size;
      EXPECT_EQ(tensors[static_cast<std::size_t>(i)].max().item<int>(), i) << size;
    }
  }
}

TEST_F(CachingAllocator, AlignsToSixtyFourBytes) {
  for (const std::int64_t size : {1L, 100L, kLarge}) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(new_bytes(size).data_ptr()) % 64, 0u) << size;
  }
}

TEST_F(CachingAllocator, TakesBackBlocksOfAnotherThread) {
  at::Tensor tensor = at::full({kLarge}, 5, at::kByte);
  std::thread([moved = std::move(tensor)]() mutable { moved.reset(); }).join();
  EXPECT_EQ(at::full({kLarge}, 6, at::kByte).max().item<int>(), 6);
}

TEST_F(CachingAllocator, NeverGivesABlockToTwoThreadsAtATime) {
  constexpr int kThreads = 4, kRounds = 100;
  std::vector<int> mixed(kThreads);  // rounds in which a block held what another thread had written
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t, &mixed_rounds = mixed[static_cast<std::size_t>(t)]] {
      for (int round = 0; round < kRounds; ++round) {
        const at::Tensor tensor = new_bytes(kLarge);
        auto* const first = tensor.mutable_data_ptr<std::uint8_t>();
        std::fill(first, first + kLarge, static_cast<std::uint8_t>(t));
        std::this_thread::yield();
        mixed_rounds += std::count(first, first + kLarge, static_cast<std::uint8_t>(t)) != kLarge;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(mixed, std::vector<int>(kThreads, 0));
}

TEST_F(CachingAllocator, ServesRawRequests) {
  c10::Allocator* const allocator = c10::GetCPUAllocator();
  void* const data = allocator->raw_allocate(kLarge);
  std::memset(data, 7, kLarge);
  allocator->raw_deallocate(data);
  EXPECT_EQ(allocator->raw_allocate(0), nullptr);
}

TEST_F(CachingAllocator, ServesResizedStorages) {
  const at::Tensor tensor = at::full({10}, 3, at::kByte);
  tensor.resize_({kLarge});
  EXPECT_EQ(tensor.narrow(0, 0, 10).min().item<int>(), 3);
}

// Half-precision products allocate their scratch memory through raw_allocate; an allocator without it fails here.
TEST_F(CachingAllocator, ServesProductsInBf16) {
  const at::Tensor a = test::random_tensor({130, 300}, 1).to(at::kBFloat16);
  const at::Tensor b = test::random_tensor({300, 150}, 2).to(at::kBFloat16);
  const at::Tensor exact = at::mm(a.to(at::kDouble), b.to(at::kDouble));
  // The sum is fp32 or better; one rounding to bf16 costs 2^-8 of the largest value.
  EXPECT_TRUE(test::near(at::mm(a, b), exact, 0x1p-8 * test::max_abs(exact)));
}

TEST_F(CachingAllocator, FreesBlocksOfTheAllocatorBefore) {
  at::Tensor copy;
  {
    const at::Tensor ours = at::full({kLarge}, 9, at::kByte);
    TearDown();
    copy = ours.clone();  // from the old allocator, while ours is freed by the new one
  }
  SetUp();
  EXPECT_EQ(copy.max().item<int>(), 9);
}

}  // namespace
}  // namespace uncurl
