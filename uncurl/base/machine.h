// What this process may use of the machine: the memory and processors that are there, or fewer where the limits of a
// container (cgroup v1 or v2, at any level above the process) say so.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace uncurl {

struct MachineLimits {
  std::uint64_t available_bytes = 0;  ///< memory that can be had now without swapping
  std::string memory_source;          ///< the file that decided, e.g. "/proc/meminfo"
  int num_cpus = 1;                   ///< whole processors, at least one
  std::string cpu_source;             ///< the file that decided, or "affinity"
};

/// Reads /proc and /sys anew at each call: what is available changes. Caches of files count as available, since the
/// kernel gives them up. A quota of 1.5 processors is one: a second thread would wait for half of its time, and the
/// first for it.
/// @param root  where proc and sys lie; tests put folders of their own there
MachineLimits machine_limits(const std::filesystem::path& root = "/");

}  // namespace uncurl
