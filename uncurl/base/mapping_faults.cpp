#include "uncurl/base/mapping_faults.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace uncurl {
namespace {

// Plain memory that a signal handler may read: no lock, no allocation. A mapping beyond these is not named.
struct Mapping {
  std::atomic<std::uintptr_t> begin{0};
  std::size_t size = 0;
  const char* path = nullptr;
};
constexpr std::size_t kMappings = 4096;
std::array<Mapping, kMappings> mappings;

void say(const char* text) { [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text, std::strlen(text)); }

const char* path_at(std::uintptr_t address) {
  for (const Mapping& mapping : mappings) {
    const std::uintptr_t begin = mapping.begin;
    if (begin != 0 && address >= begin && address - begin < mapping.size) return mapping.path;
  }
  return nullptr;
}

void on_fault(int, siginfo_t* info, void*) {
  const char* const path = path_at(reinterpret_cast<std::uintptr_t>(info->si_addr));
  say("error: ");
  say(path ? path : "a mapped file");
  say(": cannot be read any more: it was cut short while it was in use, or its disk failed; restore it and run the "
      "same "
      "command again\n");
  ::_exit(1);
}

}  // namespace

void handle_mapping_faults() {
  struct sigaction action {};
  action.sa_sigaction = on_fault;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

void remember_mapping(const std::byte* data, std::size_t size, const char* path) {
  for (Mapping& mapping : mappings) {
    std::uintptr_t expected = 0;
    if (!mapping.begin.compare_exchange_strong(expected, 1)) continue;  // 1: taken, not yet to be looked at
    mapping.size = size;
    mapping.path = path;
    mapping.begin = reinterpret_cast<std::uintptr_t>(data);
    return;
  }
}

void forget_mapping(const std::byte* data) {
  for (Mapping& mapping : mappings) {
    if (mapping.begin == reinterpret_cast<std::uintptr_t>(data)) {
      mapping.begin = 0;
      return;
    }
  }
}

}  // namespace uncurl
