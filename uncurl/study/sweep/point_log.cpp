#include "uncurl/study/sweep/point_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/base/sync.h"

namespace uncurl::study {
namespace {

Point parse_line(const std::string& line, const std::string& place) {
  return with_json_context(place, [&] {
    const Json json = parse_json(line, "a point of a sweep");
    return read_point(JsonObject(json, "a point of a sweep"));
  });
}

void append_line(const std::filesystem::path& path, const std::string& line) {
  const auto expect = [&](bool ok) { check(ok, path.string(), ": cannot be written: ", std::strerror(errno)); };
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  expect(file >= 0);
  std::size_t done = 0;
  bool ok = true;
  while (ok && done < line.size()) {
    const ssize_t count = ::write(file, line.data() + done, line.size() - done);
    ok = count > 0;
    if (ok) done += static_cast<std::size_t>(count);
  }
  if (ok) {
    const int error = sync_descriptor(file);
    ok = error == 0;
    errno = error;
  }
  const int reason = errno;
  ::close(file);
  errno = reason;
  expect(ok);
}

}  // namespace

PointLog::PointLog(std::filesystem::path path) : path_(std::move(path)) {
  if (!std::filesystem::exists(path_)) return;
  const std::string text = read_text(path_);
  std::size_t begin = 0;
  for (int number = 1; begin < text.size(); ++number) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) {
      std::filesystem::resize_file(path_, begin);
      break;
    }
    Point point = parse_line(text.substr(begin, end - begin), concat(path_.string(), ":", number));
    points_.insert_or_assign(point.key, std::move(point));
    begin = end + 1;
  }
}

const Point* PointLog::find(const std::string& key) const {
  const auto found = points_.find(key);
  return found == points_.end() ? nullptr : &found->second;
}

const Point& PointLog::append(Point point) {
  append_line(path_, json_text(point_json(point)) + "\n");
  if (points_.empty()) sync_folder(parent_of(path_));  // the file's name is new
  const std::string key = point.key;
  return points_.insert_or_assign(key, std::move(point)).first->second;
}

}  // namespace uncurl::study
