#include "uncurl/text/text_file.h"

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"

namespace uncurl::text {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

/// Text of western scripts in UTF-16 has a zero in every other byte: in the odd places if it is little endian.
std::string by_zero_bytes(std::string_view bytes) {
  std::size_t even = 0, odd = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] == '\0') ++(i % 2 == 0 ? even : odd);
  }
  if (even + odd == 0) return "";
  const std::size_t many = bytes.size() / 4;  // of the half of the bytes that such a text has there
  if (odd > many && even <= odd / 8) return "UTF-16LE";
  if (even > many && odd <= even / 8) return "UTF-16BE";
  return "binary data";
}

}  // namespace

std::string other_encoding(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xFE\0\0"sv)) return "UTF-32LE";
  if (bytes.starts_with("\0\0\xFE\xFF"sv)) return "UTF-32BE";
  if (bytes.starts_with("\xFF\xFE"sv)) return "UTF-16LE";
  if (bytes.starts_with("\xFE\xFF"sv)) return "UTF-16BE";
  return by_zero_bytes(bytes);
}

std::string read_text_file(const std::filesystem::path& path) {
  std::string bytes = read_text(path);
  const std::string other = other_encoding(bytes);
  check(other != "binary data", path.string(),
        ": is binary data (it holds zero bytes), expected text in UTF-8; is it a file of another kind, or compressed?");
  check(other.empty(), path.string(), ": is text in ", other, ", expected UTF-8; convert it: iconv -f ",
        other.substr(0, 6), " -t UTF-8 ", path.string(), " > ", path.stem().string(), ".utf8",
        path.extension().string());
  if (bytes.starts_with(kUtf8Mark)) bytes.erase(0, kUtf8Mark.size());
  return bytes;
}

}  // namespace uncurl::text
