#include "uncurl/base/printable.h"

#include <cstdio>

namespace uncurl {
namespace {

std::string escaped_byte(char byte) {
  if (byte == '\n') return "\\n";
  if (byte == '\t') return "\\t";
  if (byte == '\r') return "\\r";
  char text[8];
  std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  return text;
}

/// Characters of several bytes that a terminal obeys instead of showing: the C1 controls, separators of lines, and the
/// marks that turn the direction of text.
bool is_control(std::string_view sequence) {
  if (sequence.size() == 2) return sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0;
  if (sequence.size() != 3 || sequence[0] != '\xE2') return false;
  const auto second = static_cast<unsigned char>(sequence[1]), third = static_cast<unsigned char>(sequence[2]);
  return (second == 0x80 && third >= 0xA8 && third <= 0xAE) || (second == 0x81 && third >= 0xA6 && third <= 0xA9);
}

std::string escaped_character(std::string_view sequence) {
  unsigned code_point = static_cast<unsigned char>(sequence[0]) & (sequence.size() == 2 ? 0x1Fu : 0x0Fu);
  for (const char byte : sequence.substr(1))
    code_point = (code_point << 6) | (static_cast<unsigned char>(byte) & 0x3Fu);
  char text[16];
  std::snprintf(text, sizeof text, "\\u{%04x}", code_point);
  return text;
}

/// Moves `at` back to where a character begins.
std::size_t character_begin(std::string_view text, std::size_t at) {
  for (int i = 0; i < 3 && at > 0 && at < text.size() && (text[at] & '\xC0') == '\x80'; ++i) --at;
  return at;
}

}  // namespace

Utf8Sequence first_utf8_sequence(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return {1, true};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4) return {1, false};
  // The second byte rules out overlong forms, surrogates and code points above U+10FFFF.
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  for (std::size_t i = 1; i < length; ++i) {
    if (i >= bytes.size()) return {i, false};
    const bool fits = i == 1 ? byte(i) >= low && byte(i) <= high : (byte(i) & 0xC0) == 0x80;
    if (!fits) return {i, false};
  }
  return {length, true};
}

std::string printable(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Utf8Sequence sequence = first_utf8_sequence(text.substr(i));
    const std::string_view character = text.substr(i, sequence.length);
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool is_end_of_line = keep_lines && byte == '\n';
    if (!sequence.is_valid || ((byte < 0x20 || byte == 0x7F) && !is_end_of_line)) {
      for (const char part : character) out += escaped_byte(part);
    } else if (is_control(character)) {
      out += escaped_character(character);
    } else {
      out += character;
    }
    i += sequence.length;
  }
  return out;
}

std::string shortened(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return std::string(text);
  const std::size_t begin = character_begin(text, max_bytes * 2 / 3), end = max_bytes - begin;
  const std::size_t from = character_begin(text, text.size() - end);
  return std::string(text.substr(0, begin)) + " [... " + std::to_string(from - begin) + " bytes ...] " +
         std::string(text.substr(from));
}

}  // namespace uncurl
