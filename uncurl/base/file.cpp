#include "uncurl/base/file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <system_error>

#include "uncurl/base/error.h"
#include "uncurl/base/open_file.h"

namespace uncurl {
namespace {

std::string gigabytes(std::uint64_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

void fill(std::ofstream& out, const std::filesystem::path& name, const std::function<void(std::ostream&)>& write) {
  try {
    out.exceptions(std::ios::badbit | std::ios::failbit);  // stop where it fails: errno is still of that write
    write(out);
    out.close();
  } catch (const std::ios_base::failure&) {
    const int reason = errno;
    fail(name.string(), ": cannot be written: ", std::strerror(reason));
  }
}

}  // namespace

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::filesystem::path partial_name(const std::filesystem::path& path) {
  std::filesystem::path partial = path;
  partial += ".partial";
  return partial;
}

void check_space(const std::filesystem::path& path, std::uint64_t num_bytes) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::absolute(path).parent_path();
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  if (error) return;  // some network file systems do not tell; writing still would
  check(space.available >= num_bytes, path.string(), ": needs ", gigabytes(num_bytes), ", but its disk has only ",
        gigabytes(space.available), " free; make room or choose another place");
}

void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
  const std::filesystem::path partial = partial_name(path);
  std::ofstream out(partial, std::ios::binary);
  check(out.good(), partial.string(), ": cannot be created: ", std::strerror(errno));
  std::error_code error;
  try {
    fill(out, partial, write);
    std::filesystem::rename(partial, path, error);
    check(!error, path.string(), ": cannot be replaced: ", error.message());
  } catch (...) {
    std::filesystem::remove(partial, error);
    throw;
  }
}

void write_text(const std::filesystem::path& path, std::string_view text) {
  write_file(path, [&](std::ostream& out) { out << text; });
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int file = open_to_read(path);
  struct stat status {};
  if (::fstat(file, &status) != 0) {
    const int error = errno;
    ::close(file);
    fail(path.string(), ": cannot be read: ", std::strerror(error));
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
