#include "uncurl/train/log.h"

#include <string>

#include "uncurl/base/error.h"
#include "uncurl/base/sync.h"
#include "uncurl/base/write_file.h"

namespace uncurl::train {
namespace {

/// Lines of later steps, and half a line at the end, are left out.
std::string lines_up_to(const std::filesystem::path& path, std::int64_t num_steps) {
  if (!std::filesystem::exists(path)) return "";
  std::ifstream in(path);
  std::string kept;
  for (std::string line; std::getline(in, line);) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer() ||
        json["step"].get<std::int64_t>() > num_steps)
      break;
    kept += line + "\n";
  }
  return kept;
}

}  // namespace

Log::Log(const std::filesystem::path& path, std::int64_t num_steps) : path_(path) {
  write_text(path, lines_up_to(path, num_steps));
  out_.open(path, std::ios::app);
  check(out_.good(), path.string(), ": cannot be written to");
}

void Log::write(const Json& line) {
  out_ << json_text(line) << std::endl;
  check(out_.good(), path_.string(), ": cannot be written to; is the disk full?");
}

void Log::sync() const { sync_file(path_); }

}  // namespace uncurl::train
