// How much this process has read from files, cached or not: what shows that something is read twice.
#pragma once

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>

namespace uncurl::test {

/// Bytes that all reads so far have returned, as Linux counts them; nothing on another system.
inline std::optional<std::uint64_t> bytes_read() {
  std::ifstream counters("/proc/self/io");
  for (std::string line; std::getline(counters, line);) {
    if (line.starts_with("rchar: ")) return std::stoull(line.substr(7));
  }
  return std::nullopt;
}

}  // namespace uncurl::test
