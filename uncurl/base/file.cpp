#include "uncurl/base/file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "uncurl/base/error.h"
#include "uncurl/base/mapping_faults.h"
#include "uncurl/base/open_file.h"

namespace uncurl {

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  file.will_need(0, file.bytes().size());
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
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
  if (size_ == 0) return;
  ::madvise(data, size_, MADV_RANDOM);  // what is read ahead is said by will_need, to the byte
  remember_mapping(data_, size_, path_.c_str());
}

MappedFile::~MappedFile() {
  if (size_ == 0) return;
  forget_mapping(data_);
  ::munmap(const_cast<std::byte*>(data_), size_);
}

namespace {
void advise(const std::byte* data, std::size_t begin, std::size_t end, int advice) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t from = advice == MADV_WILLNEED ? begin / page * page : (begin + page - 1) / page * page;
  const std::size_t to = advice == MADV_WILLNEED ? end : end / page * page;
  if (from < to) ::madvise(const_cast<std::byte*>(data) + from, to - from, advice);  // a hint: failure changes nothing
}
}  // namespace

// The kernel cuts one request to the window of its disk, often 128 KiB, and forgets the rest.
void MappedFile::will_need(std::size_t begin, std::size_t end) const {
  constexpr std::size_t kPiece = 128 << 10;
  for (; begin < end; begin += kPiece) advise(data_, begin, std::min(begin + kPiece, end), MADV_WILLNEED);
}
void MappedFile::release(std::size_t begin, std::size_t end) const { advise(data_, begin, end, MADV_DONTNEED); }

}  // namespace uncurl
