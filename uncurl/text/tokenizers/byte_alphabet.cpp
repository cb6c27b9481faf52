#include "uncurl/text/tokenizers/byte_alphabet.h"

#include <cstddef>

#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

std::array<std::string, 256> make_alphabet() {
  std::array<std::string, 256> alphabet;
  char32_t next_substitute = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    append_utf8(alphabet[byte], printable ? byte : next_substitute++);
  }
  return alphabet;
}

}  // namespace

const std::array<std::string, 256>& byte_alphabet() {
  static const std::array<std::string, 256> alphabet = make_alphabet();
  return alphabet;
}

std::string to_byte_alphabet(std::string_view bytes) {
  const auto& alphabet = byte_alphabet();
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 4);
  for (const char byte : bytes) out += alphabet[static_cast<unsigned char>(byte)];
  return out;
}

}  // namespace uncurl::text
