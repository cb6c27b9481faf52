#include "uncurl/tensor/caching_allocator.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

namespace uncurl {
namespace {

constexpr std::size_t kSmallest = 256 * 1024;
constexpr std::size_t kHeader = 64;  // holds the block's size and keeps the alignment that libtorch expects

std::size_t rounded(std::size_t bytes) {
  const std::size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

/// Blocks that are free, by size.
class FreeBlocks {
 public:
  /// The smallest block that holds `size` bytes and is at most half as large again, else null.
  void* take(std::size_t size) {
    const std::lock_guard lock(mutex_);
    const auto found = by_size_.lower_bound(size);
    if (found == by_size_.end() || found->first > size + size / 2) return nullptr;
    void* const block = found->second.back();
    found->second.pop_back();
    if (found->second.empty()) by_size_.erase(found);
    return block;
  }

  void give(void* block, std::size_t size) {
    const std::lock_guard lock(mutex_);
    by_size_[size].push_back(block);
  }

 private:
  std::mutex mutex_;
  std::map<std::size_t, std::vector<void*>> by_size_;  ///< no list is empty
};

/// Never destroyed: static tensors may outlive every other static.
FreeBlocks& free_blocks() {
  static FreeBlocks& blocks = *new FreeBlocks;
  return blocks;
}

std::size_t& size_of(void* block) { return *static_cast<std::size_t*>(block); }

/// Touching a new block costs a fault for each of its pages: let them be huge where the system offers it.
void ask_for_huge_pages(void* block, std::size_t size) {
#ifdef __linux__
  constexpr std::size_t kHugePage = std::size_t{1} << 21;
  const auto begin = (reinterpret_cast<std::uintptr_t>(block) + kHugePage - 1) / kHugePage * kHugePage;
  const auto end = (reinterpret_cast<std::uintptr_t>(block) + size) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a hint: may fail
#else
  (void)block, (void)size;
#endif
}

/// A block of `size` bytes after its header, kept or new.
void* take(std::size_t size) {
  if (size >= kSmallest) {
    if (void* const block = free_blocks().take(size)) return block;
  }
  void* const block = c10::alloc_cpu(kHeader + size);
  ask_for_huge_pages(block, kHeader + size);
  size_of(block) = size;
  return block;
}

void give_back(void* data) {
  if (data == nullptr) return;
  void* const block = static_cast<char*>(data) - kHeader;
  const std::size_t size = size_of(block);
  if (size < kSmallest) return c10::free_cpu(block);
  free_blocks().give(block, size);
}

class CachingAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &give_back, c10::Device(c10::kCPU)};
    void* const data = static_cast<char*>(take(bytes < kSmallest ? bytes : rounded(bytes))) + kHeader;
    return {data, data, &give_back, c10::Device(c10::kCPU)};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &give_back; }

  void copy_data(void* target, const void* source, std::size_t count) const override {
    std::memcpy(target, source, count);
  }
};

}  // namespace

void use_caching_allocator() {
  static CachingAllocator allocator;
  c10::SetCPUAllocator(&allocator, /*priority=*/1);
#ifdef __GLIBC__
  // What oneDNN allocates for itself at every product comes from malloc.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace uncurl
