#include "tests/fuzz/target.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>

namespace uncurl::fuzz {
namespace {

class MemoryFolder {
 public:
  MemoryFolder() {
    const bool has_memory = std::filesystem::is_directory("/dev/shm");
    std::string pattern = std::string(has_memory ? "/dev/shm" : "/tmp") + "/uncurl_fuzz_XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~MemoryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

const std::filesystem::path& folder() {
  static const MemoryFolder instance;
  return instance.path();
}

std::filesystem::path put(const std::string& name, std::string_view bytes) {
  const std::filesystem::path path = folder() / name;
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace uncurl::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  uncurl::fuzz::try_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
