#include "uncurl/base/file.h"

#include <span>

#include "uncurl/base/input_file.h"

namespace uncurl {

std::string read_text(const std::filesystem::path& path) {
  const InputFile file(path);
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace uncurl
