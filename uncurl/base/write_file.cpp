#include "uncurl/base/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <ostream>
#include <streambuf>
#include <system_error>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/sync.h"

namespace uncurl {
namespace {

namespace fs = std::filesystem;

std::string gigabytes(std::uint64_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f GB", static_cast<double>(bytes) / 1e9);
  return text;
}

/// A stream to an open file: unlike std::ofstream it can be synced, and its errors carry the system's reason.
class DescriptorBuffer : public std::streambuf {
 public:
  explicit DescriptorBuffer(fs::path path) : path_(std::move(path)) {
    // O_NONBLOCK: a FIFO under this name is an error and not a wait for its reader.
    descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
    check(descriptor_ >= 0, path_.string(), ": cannot be created: ", std::strerror(errno));
    setp(buffer_.data(), buffer_.data() + buffer_.size());
  }
  ~DescriptorBuffer() override {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  DescriptorBuffer(const DescriptorBuffer&) = delete;
  DescriptorBuffer& operator=(const DescriptorBuffer&) = delete;

  /// Returns once all bytes are on the disk.
  void finish() {
    sync();
    const int reason = sync_descriptor(descriptor_);
    const bool closed = ::close(std::exchange(descriptor_, -1)) == 0;
    check(reason == 0 && closed, path_.string(), ": cannot be completed: ", std::strerror(reason ? reason : errno));
  }

 protected:
  int_type overflow(int_type next) override {
    sync();
    if (!traits_type::eq_int_type(next, traits_type::eof())) sputc(traits_type::to_char_type(next));
    return traits_type::not_eof(next);
  }
  std::streamsize xsputn(const char* data, std::streamsize size) override {
    if (size <= epptr() - pptr()) return std::streambuf::xsputn(data, size);
    sync();
    write_all(data, static_cast<std::size_t>(size));
    return size;
  }
  int sync() override {
    write_all(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    setp(buffer_.data(), buffer_.data() + buffer_.size());
    return 0;
  }

 private:
  void write_all(const char* data, std::size_t size) const {
    while (size > 0) {
      const ssize_t written = ::write(descriptor_, data, size);
      if (written < 0 && errno == EINTR) continue;
      check(written >= 0, path_.string(), ": cannot be written: ", std::strerror(errno));
      data += written;
      size -= static_cast<std::size_t>(written);
    }
  }

  fs::path path_;
  int descriptor_ = -1;
  std::array<char, 1 << 16> buffer_;
};

void write_synced(DescriptorBuffer& buffer, const std::function<void(std::ostream&)>& write) {
  std::ostream out(&buffer);
  out.exceptions(std::ios::badbit | std::ios::failbit);  // an Error of the buffer reaches the caller as it is
  write(out);
  buffer.finish();
}

std::uint64_t free_bytes(const fs::path& folder) {
  std::error_code error;
  const fs::space_info space = fs::space(folder, error);
  return error ? UINT64_MAX : space.available;  // some network file systems do not tell; writing still would
}

std::string list(const std::vector<SpaceNeed>& needs) {
  std::string text;
  for (const SpaceNeed& need : needs) {
    text += concat(text.empty() ? "" : ", ", need.path.string(), ": needs ", gigabytes(need.num_bytes));
  }
  return text;
}

}  // namespace

fs::path partial_name(const fs::path& path) {
  fs::path partial = path;
  partial += ".partial";
  return partial;
}

void copy_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  check(!error, from.string(), ": cannot be copied to ", to.string(), ": ", error.message());
}

void check_space(const fs::path& path, std::uint64_t num_bytes) {
  check_space(std::vector<SpaceNeed>{{path, num_bytes}});
}

void check_space(const std::vector<SpaceNeed>& needs) {
  std::map<dev_t, std::vector<SpaceNeed>> by_disk;
  for (const SpaceNeed& need : needs) {
    struct stat status {};
    if (need.num_bytes > 0 && ::stat(parent_of(need.path).c_str(), &status) == 0) {
      by_disk[status.st_dev].push_back(need);
    }
  }
  for (const auto& [disk, own] : by_disk) {
    std::uint64_t sum = 0;
    for (const SpaceNeed& need : own) sum += need.num_bytes;
    const std::uint64_t available = free_bytes(parent_of(own.front().path));
    if (own.size() == 1) {
      check(available >= sum, list(own), ", but its disk has only ", gigabytes(available),
            " free; make room or choose another place");
    }
    check(available >= sum, list(own), "; together ", gigabytes(sum), ", but their disk has only ",
          gigabytes(available), " free; make room or choose other places");
  }
}

void write_file(const fs::path& path, const std::function<void(std::ostream&)>& write) {
  const fs::path partial = partial_name(path);
  DescriptorBuffer buffer(partial);
  std::error_code error;
  try {
    write_synced(buffer, write);
    fs::rename(partial, path, error);
    check(!error, path.string(), ": cannot be replaced: ", error.message());
  } catch (...) {
    fs::remove(partial, error);
    throw;
  }
  sync_folder(parent_of(path));
}

void write_text(const fs::path& path, std::string_view text) {
  write_file(path, [&](std::ostream& out) { out << text; });
}

}  // namespace uncurl
