#include "uncurl/base/machine.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_folder.h"

namespace uncurl {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

/// A machine with 8 GiB available, in files of the shapes that Linux gives them.
class Machine : public testing::Test {
 protected:
  Machine() { write("proc/meminfo", "MemTotal:       16777216 kB\nMemAvailable:    8388608 kB\n"); }

  void write(const std::string& name, const std::string& text) {
    const std::filesystem::path path = root_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  MachineLimits limits() const { return machine_limits(root_.path()); }
  std::string in_root(const std::string& name) const { return (root_ / name).string(); }

  test::TemporaryFolder root_;
};

TEST_F(Machine, WithoutGroupsIsWhatTheKernelSays) {
  EXPECT_EQ(limits().available_bytes, 8192 * kMiB);
  EXPECT_EQ(limits().memory_source, in_root("proc/meminfo"));
  EXPECT_GE(limits().num_cpus, 1);
  EXPECT_EQ(limits().cpu_source, "affinity");
}

TEST_F(Machine, CountsTheMemoryLimitOfAContainerThatIsItsOwnRoot) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "1073741824\n");
  write("sys/fs/cgroup/memory.current", "536870912\n");
  write("sys/fs/cgroup/memory.stat", "anon 402653184\nfile 134217728\nactive_file 33554432\ninactive_file 67108864\n");
  EXPECT_EQ(limits().available_bytes, (1024 - 512 + 32 + 64) * kMiB);
  EXPECT_EQ(limits().memory_source, in_root("sys/fs/cgroup/memory.max"));
}

TEST_F(Machine, TakesTheLeastOfAllGroupsAbove) {
  write("proc/self/cgroup", "0::/user.slice/job.scope\n");
  write("sys/fs/cgroup/user.slice/memory.max", "2147483648\n");
  write("sys/fs/cgroup/user.slice/memory.current", "1610612736\n");
  write("sys/fs/cgroup/user.slice/job.scope/memory.max", "1073741824\n");
  write("sys/fs/cgroup/user.slice/job.scope/memory.current", "268435456\n");
  EXPECT_EQ(limits().available_bytes, 512 * kMiB);
  EXPECT_EQ(limits().memory_source, in_root("sys/fs/cgroup/user.slice/memory.max"));
}

TEST_F(Machine, KnowsSoftLimitsAndThatMaxIsNone) {
  write("proc/self/cgroup", "0::/job\n");
  write("sys/fs/cgroup/job/memory.max", "max\n");
  write("sys/fs/cgroup/job/memory.high", "104857600\n");
  write("sys/fs/cgroup/job/memory.current", "41943040\n");
  EXPECT_EQ(limits().available_bytes, 60 * kMiB);
  write("sys/fs/cgroup/job/memory.high", "max\n");
  EXPECT_EQ(limits().available_bytes, 8192 * kMiB);
}

TEST_F(Machine, HasNothingLeftWhereAGroupIsOverItsLimit) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "1048576\n");
  write("sys/fs/cgroup/memory.current", "2097152\n");
  EXPECT_EQ(limits().available_bytes, 0U);
}

TEST_F(Machine, CountsLimitsOfTheFirstVersion) {
  write("proc/self/cgroup", "5:memory:/docker/1f\n4:cpu,cpuacct:/docker/1f\n0::/\n");
  write("sys/fs/cgroup/memory/docker/1f/memory.limit_in_bytes", "536870912\n");
  write("sys/fs/cgroup/memory/docker/1f/memory.usage_in_bytes", "209715200\n");
  write("sys/fs/cgroup/memory/docker/1f/memory.stat", "total_active_file 10485760\ntotal_inactive_file 0\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");  // what stands for none
  write("sys/fs/cgroup/cpu,cpuacct/docker/1f/cpu.cfs_quota_us", "100000\n");
  write("sys/fs/cgroup/cpu,cpuacct/docker/1f/cpu.cfs_period_us", "100000\n");
  EXPECT_EQ(limits().available_bytes, (512 - 200 + 10) * kMiB);
  EXPECT_EQ(limits().num_cpus, 1);
}

TEST_F(Machine, SeesTheRootOfAContainerWhoseGroupOnlyTheHostKnows) {
  write("proc/self/cgroup", "5:memory:/docker/1f\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "536870912\n");
  EXPECT_EQ(limits().available_bytes, 512 * kMiB);
}

TEST_F(Machine, CountsWholeProcessorsOfAQuota) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(limits().num_cpus, 1);
  EXPECT_EQ(limits().cpu_source, machine_limits().num_cpus > 1 ? in_root("sys/fs/cgroup/cpu.max") : "affinity");
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(limits().cpu_source, "affinity");
}

}  // namespace
}  // namespace uncurl
