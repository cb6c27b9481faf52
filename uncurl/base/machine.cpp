#include "uncurl/base/machine.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

namespace uncurl {
namespace {

namespace fs = std::filesystem;

/// The first number of a file; nothing if there is no such file, or where it says "max" or "-1".
std::optional<double> number_in(const fs::path& file) {
  std::ifstream in(file);
  double number = 0;
  if (!(in >> number) || number < 0) return std::nullopt;
  return number;
}

/// The number after a key, in files of lines "key number ...".
double value_of(const fs::path& file, const std::string& key) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    double value = 0;
    if (words >> name >> value && name == key) return value;
  }
  return 0;
}

/// The folders of this process's group in one hierarchy, from its own up to the root. Inside a container that sees its
/// own group as the root, the path that the host knows does not exist: the root is left.
std::vector<fs::path> folders_of_group(const fs::path& mount, const std::string& group) {
  std::vector<fs::path> folders;
  for (fs::path path = fs::path(group).relative_path(); !path.empty(); path = path.parent_path()) {
    folders.push_back(mount / path);
  }
  folders.push_back(mount);
  return folders;
}

/// The group of this process by controller ("memory"), or of the unified hierarchy (""), as /proc/self/cgroup says.
std::string group_of(const fs::path& root, const std::string& controller) {
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {  // 4:memory:/docker/1f or 0::/user.slice
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::istringstream controllers(line.substr(first + 1, second - first - 1));
    std::string name;
    bool found = controller.empty() && second == first + 1;
    while (std::getline(controllers, name, ',')) found = found || name == controller;
    if (found) return line.substr(second + 1);
  }
  return "/";
}

std::vector<fs::path> unified_folders(const fs::path& root) {
  const fs::path cgroup = root / "sys/fs/cgroup";
  const fs::path mount = fs::exists(cgroup / "unified") ? cgroup / "unified" : cgroup;
  return folders_of_group(mount, group_of(root, ""));
}

std::vector<fs::path> folders_of(const fs::path& root, const std::string& controller) {
  return folders_of_group(root / "sys/fs/cgroup" / controller, group_of(root, controller));
}

void take_memory(MachineLimits& limits, double bytes, const fs::path& file) {
  const auto available = static_cast<std::uint64_t>(std::max(0.0, bytes));
  if (available >= limits.available_bytes) return;
  limits.available_bytes = available;
  limits.memory_source = file.string();
}

/// Memory that a group may still take: its limit, less what it uses, plus the caches of files that it would give up.
void apply_memory_limits(MachineLimits& limits, const fs::path& root) {
  for (const fs::path& folder : unified_folders(root)) {
    const double used = number_in(folder / "memory.current").value_or(0);
    const double files =
        value_of(folder / "memory.stat", "active_file") + value_of(folder / "memory.stat", "inactive_file");
    for (const char* const name : {"memory.max", "memory.high"}) {
      if (const auto limit = number_in(folder / name)) take_memory(limits, *limit - used + files, folder / name);
    }
  }
  for (const fs::path& folder : folders_of(root, "memory")) {
    const auto limit = number_in(folder / "memory.limit_in_bytes");  // without a limit: a number beyond any machine
    const double used = number_in(folder / "memory.usage_in_bytes").value_or(0);
    const double files =
        value_of(folder / "memory.stat", "total_active_file") + value_of(folder / "memory.stat", "total_inactive_file");
    if (limit) take_memory(limits, *limit - used + files, folder / "memory.limit_in_bytes");
  }
}

void take_cpus(MachineLimits& limits, double quota, double period, const fs::path& file) {
  const int cpus = period > 0 ? std::max(1, static_cast<int>(std::min(quota / period, 1e6))) : limits.num_cpus;
  if (cpus >= limits.num_cpus) return;
  limits.num_cpus = cpus;
  limits.cpu_source = file.string();
}

void apply_cpu_quotas(MachineLimits& limits, const fs::path& root) {
  for (const fs::path& folder : unified_folders(root)) {
    std::ifstream in(folder / "cpu.max");  // "150000 100000" or "max 100000"
    double quota = 0, period = 0;
    if (in >> quota >> period) take_cpus(limits, quota, period, folder / "cpu.max");
  }
  for (const char* const controller : {"cpu", "cpu,cpuacct"}) {
    for (const fs::path& folder : folders_of_group(root / "sys/fs/cgroup" / controller, group_of(root, "cpu"))) {
      const auto quota = number_in(folder / "cpu.cfs_quota_us");
      if (quota) {
        take_cpus(limits, *quota, number_in(folder / "cpu.cfs_period_us").value_or(0), folder / "cpu.cfs_quota_us");
      }
    }
  }
}

int cpus_by_affinity() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

}  // namespace

MachineLimits machine_limits(const fs::path& root) {
  const fs::path meminfo = root / "proc/meminfo";
  MachineLimits limits{.available_bytes = static_cast<std::uint64_t>(1024 * value_of(meminfo, "MemAvailable:")),
                       .memory_source = meminfo.string(),
                       .num_cpus = cpus_by_affinity(),
                       .cpu_source = "affinity"};
  apply_memory_limits(limits, root);
  apply_cpu_quotas(limits, root);
  return limits;
}

}  // namespace uncurl
