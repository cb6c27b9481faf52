// points.jsonl: a line a finished point, appended as soon as it is finished and never written twice.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "uncurl/study/sweep/point.h"

namespace uncurl::study {

class PointLog {
 public:
  /// Reads the points that are there. A last line that a killed run left unfinished is cut off.
  /// @throws Error naming file and line of what is no point
  explicit PointLog(std::filesystem::path path);

  const Point* find(const std::string& key) const;  ///< null: not measured yet
  /// Returns when the line is on the disk. @throws Error naming the file if it cannot be written
  const Point& append(Point point);

  std::size_t size() const { return points_.size(); }

 private:
  std::filesystem::path path_;
  std::map<std::string, Point> points_;
};

}  // namespace uncurl::study
