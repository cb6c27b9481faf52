#include "uncurl/text/paragraphs.h"

#include <algorithm>
#include <utility>

namespace uncurl::text {
namespace {

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r\f\v") == std::string_view::npos; }

std::vector<std::string> paragraphs_of(std::string_view text) {
  std::vector<std::string> paragraphs;
  bool open = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (is_blank(line)) {
      open = false;
    } else if (open) {
      (paragraphs.back() += '\n') += line;
    } else {
      paragraphs.emplace_back(line);
      open = true;
    }
  }
  return paragraphs;
}

// Where to cut a text of more than kLongestParagraph bytes.
std::size_t cut_of(std::string_view text) {
  for (const char separator : {'\n', ' '}) {
    const std::size_t at = text.substr(0, kLongestParagraph).rfind(separator);
    if (at != std::string_view::npos && at > 0) return at + 1;
  }
  std::size_t cut = kLongestParagraph;
  while (cut > kLongestParagraph - 4 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
  return cut;
}

}  // namespace

std::vector<std::string> records_of_text(std::string_view text) {
  std::vector<std::string> records;
  std::string record;
  const auto close = [&] {
    if (!record.empty()) records.push_back(std::exchange(record, ""));
  };
  for (const std::string& paragraph : paragraphs_of(text)) {
    std::string_view rest = paragraph;
    if (rest.size() > kLongestParagraph) close();
    for (; rest.size() > kLongestParagraph; close()) {
      const std::size_t cut = cut_of(rest);
      record = rest.substr(0, cut);
      rest.remove_prefix(cut);
    }
    record += (record.empty() ? "" : "\n\n") + std::string(rest);
    if (record.size() >= kRecordBytes) close();
  }
  close();
  return records;
}

}  // namespace uncurl::text
