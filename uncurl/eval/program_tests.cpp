#include "uncurl/eval/program_tests.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"

namespace uncurl::eval {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPath = "/usr/local/bin:/usr/bin:/bin";
constexpr std::uint64_t kFileBytes = std::uint64_t{1} << 20;

class EmptyFolder {
 public:
  EmptyFolder() {
    std::string pattern = (fs::temp_directory_path() / "uncurl-program-XXXXXX").string();
    check(::mkdtemp(pattern.data()) != nullptr, pattern, ": cannot be made (", std::strerror(errno), ")");
    path_ = pattern;
  }
  ~EmptyFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  EmptyFolder(const EmptyFolder&) = delete;
  EmptyFolder& operator=(const EmptyFolder&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void limit(int resource, std::uint64_t value) {
  const rlimit both{value, value};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

/// In the child, between fork and exec: nothing here allocates.
[[noreturn]] void become_python(const char* folder, const char* program, const char* path,
                                const ProgramLimits& limits) {
  ::setpgid(0, 0);
  ::unshare(CLONE_NEWUSER | CLONE_NEWNET);  // no network where the system lets us; else it goes on without
  limit(RLIMIT_AS, limits.memory_bytes);
  limit(RLIMIT_CPU, static_cast<std::uint64_t>(std::ceil(limits.seconds)));
  limit(RLIMIT_FSIZE, kFileBytes);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_NPROC, 1);
  const int nothing = ::open("/dev/null", O_RDWR);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, stream);
  if (::chdir(folder) == 0) {
    const std::array<const char*, 5> arguments = {"python3", "-I", "-S", program, nullptr};
    const std::array<const char*, 2> environment = {path, nullptr};
    ::execvpe("python3", const_cast<char* const*>(arguments.data()), const_cast<char* const*>(environment.data()));
  }
  ::_exit(1);
}

/// @throws Error where there is no python3 to run programs with
void check_python() {
  std::istringstream folders(kPath);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (::access((folder + "/python3").c_str(), X_OK) == 0) return;
  }
  throw Error(std::string("there is no python3 in ") + kPath + "; it runs the tests of programs that a model writes");
}

/// The child's status; one that takes too long is killed with everything it started.
int wait_for(pid_t child, double seconds) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() >= deadline) {
      ::kill(-child, SIGKILL);
      ::kill(child, SIGKILL);
      ::waitpid(child, &status, 0);
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ::kill(-child, SIGKILL);
  return status;
}

}  // namespace

bool program_passes(const std::string& program, const ProgramLimits& limits) {
  check_python();
  const EmptyFolder folder;
  const fs::path file = folder.path() / "program.py";
  // The last statement leaves a sign: a program that ends itself before its tests, with success, has not passed.
  const fs::path sign = folder.path() / "passed";
  write_text(file, program + "\nopen('passed', 'w').close()\n");
  const std::string folder_name = folder.path().string(), path = std::string("PATH=") + kPath;
  const pid_t child = ::fork();
  check(child >= 0, "cannot start a process (", std::strerror(errno), ")");
  if (child == 0) become_python(folder_name.c_str(), "program.py", path.c_str(), limits);
  const int status = wait_for(child, limits.seconds);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 && fs::exists(sign);
}

}  // namespace uncurl::eval
