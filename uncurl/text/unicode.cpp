#include "uncurl/text/unicode.h"

#include <utf8proc.h>

#include <array>

#include "uncurl/base/printable.h"

namespace uncurl::text {
namespace {

utf8proc_category_t category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point));
}

}  // namespace

std::string valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::size_t clean_from = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Sequence sequence = first_utf8_sequence(text.substr(i));
    if (!sequence.is_valid) {
      out.append(text, clean_from, i - clean_from).append("\xEF\xBF\xBD");
      clean_from = i + sequence.length;
    }
    i += sequence.length;
  }
  return out.append(text, clean_from);
}

char32_t next_code_point(std::string_view text, std::size_t& position) {
  const auto byte = [&] { return static_cast<char32_t>(static_cast<unsigned char>(text[position++])); };
  const char32_t lead = byte();
  if (lead < 0x80) return lead;
  const int more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
  char32_t code_point = lead & (0x3Fu >> more);
  for (int i = 0; i < more; ++i) code_point = (code_point << 6) | (byte() & 0x3F);
  return code_point;
}

void append_utf8(std::string& text, char32_t code_point) {
  std::array<utf8proc_uint8_t, 4> bytes{};
  const auto length = utf8proc_encode_char(static_cast<utf8proc_int32_t>(code_point), bytes.data());
  for (utf8proc_ssize_t i = 0; i < length; ++i) text += static_cast<char>(bytes[static_cast<std::size_t>(i)]);
}

bool is_whitespace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_numeric(char32_t code_point) {
  const auto c = category(code_point);
  return c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL || c == UTF8PROC_CATEGORY_NO;
}

bool is_word(char32_t code_point) {
  const auto c = category(code_point);
  const bool letter = c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LO;
  const bool number = c == UTF8PROC_CATEGORY_ND || c == UTF8PROC_CATEGORY_NL;
  const bool mark = c >= UTF8PROC_CATEGORY_MN && c <= UTF8PROC_CATEGORY_ME;
  const bool joiner = code_point == 0x200C || code_point == 0x200D;
  // Other_Alphabetic outside the categories above: circled and squared Latin letters.
  const bool enclosed =
      (code_point >= 0x24B6 && code_point <= 0x24E9) || (code_point >= 0x1F130 && code_point <= 0x1F149) ||
      (code_point >= 0x1F150 && code_point <= 0x1F169) || (code_point >= 0x1F170 && code_point <= 0x1F189);
  return letter || number || joiner || enclosed || mark || c == UTF8PROC_CATEGORY_PC;
}

std::string lower_case(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const char32_t c = next_code_point(text, i);
    append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    // The one code point whose lower case is two: I with a dot above. utf8proc knows simple mappings only.
    if (c == 0x130) append_utf8(out, 0x307);
  }
  return out;
}

}  // namespace uncurl::text
