#include "uncurl/base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "uncurl/base/error.h"

namespace uncurl {

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::filesystem::path partial_name(const std::filesystem::path& path) {
  std::filesystem::path partial = path;
  partial += ".partial";
  return partial;
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  const std::filesystem::path partial = partial_name(path);
  {
    std::ofstream out(partial, std::ios::binary);
    out << text;
    out.flush();
    check(out.good(), partial.string(), ": cannot be written: ", std::strerror(errno));
  }
  std::error_code error;
  std::filesystem::rename(partial, path, error);
  if (!error) return;
  std::filesystem::remove(partial);
  fail(path.string(), ": cannot be replaced: ", error.message());
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  check(file >= 0, path.string(), ": cannot be opened: ", std::strerror(errno));
  struct stat status {};
  if (::fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file);
    fail(path.string(), ": is not a regular file");
  }
  size_ = static_cast<std::size_t>(status.st_size);
  void* data = size_ == 0 ? nullptr : ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
  const int error = errno;
  ::close(file);
  check(data != MAP_FAILED, path.string(), ": cannot be mapped: ", std::strerror(error));
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (size_ > 0) ::munmap(const_cast<std::byte*>(data_), size_);
}

namespace {
void advise(const std::byte* data, std::size_t begin, std::size_t end, int advice) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t from = advice == MADV_WILLNEED ? begin / page * page : (begin + page - 1) / page * page;
  const std::size_t to = advice == MADV_WILLNEED ? end : end / page * page;
  if (from < to) ::madvise(const_cast<std::byte*>(data) + from, to - from, advice);  // a hint: failure changes nothing
}
}  // namespace

void MappedFile::will_need(std::size_t begin, std::size_t end) const { advise(data_, begin, end, MADV_WILLNEED); }
void MappedFile::release(std::size_t begin, std::size_t end) const { advise(data_, begin, end, MADV_DONTNEED); }

}  // namespace uncurl
