#include "uncurl/text/tokenizers/decoder.h"

#include <charconv>
#include <string_view>
#include <unordered_map>

#include "uncurl/base/error.h"
#include "uncurl/text/tokenizers/byte_alphabet.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

constexpr std::string_view kSpaceMark = "\u2581";  // the lower block that stands for a space

/// The byte for which each character of GPT-2's alphabet stands.
const std::unordered_map<std::string, char>& bytes_by_character() {
  static const std::unordered_map<std::string, char> table = [] {
    std::unordered_map<std::string, char> result;
    const auto& alphabet = byte_alphabet();
    for (std::size_t byte = 0; byte < alphabet.size(); ++byte) result[alphabet[byte]] = static_cast<char>(byte);
    return result;
  }();
  return table;
}

/// A token with a character outside the alphabet (an added token) stands for itself.
std::string bytes_of(const std::string& token) {
  std::string bytes;
  for (std::size_t i = 0; i < token.size();) {
    const std::size_t begin = i;
    next_code_point(token, i);
    const auto found = bytes_by_character().find(token.substr(begin, i - begin));
    if (found == bytes_by_character().end()) return token;
    bytes += found->second;
  }
  return bytes;
}

std::string from_byte_level(const std::vector<std::string>& tokens) {
  std::string bytes;
  for (const std::string& token : tokens) bytes += bytes_of(token);
  return valid_utf8(bytes);
}

/// The byte of "<0x0A>"; -1 for any other token.
int fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token.back() != '>') return -1;
  int byte = -1;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  return error == std::errc() && end == token.data() + 5 ? byte : -1;
}

/// Invalid UTF-8 becomes one U+FFFD per byte, as Hugging Face's ByteFallback has it.
void append_bytes(const std::string& bytes, std::string& text) {
  if (valid_utf8(bytes) == bytes) {
    text += bytes;
  } else {
    for (std::size_t i = 0; i < bytes.size(); ++i) append_utf8(text, 0xFFFD);
  }
}

std::string with_spaces(std::string token) {
  for (std::size_t at = 0; (at = token.find(kSpaceMark, at)) != std::string::npos; ++at)
    token.replace(at, kSpaceMark.size(), 1, ' ');
  return token;
}

std::string from_metaspace(const std::vector<std::string>& tokens, bool strip_first_space) {
  std::string text, bytes;
  for (const std::string& token : tokens) {
    const int byte = fallback_byte(token);
    if (byte >= 0) {
      bytes += static_cast<char>(byte);
      continue;
    }
    append_bytes(bytes, text);
    bytes.clear();
    text += with_spaces(token);
  }
  append_bytes(bytes, text);
  return strip_first_space && text.starts_with(' ') ? text.substr(1) : text;
}

bool is_metaspace_sequence(const JsonObject& decoder) {
  for (const Json& step : decoder.array("decoders")) {
    const std::string type = JsonObject(step, decoder.place()).string("type");
    if (type != "Replace" && type != "ByteFallback" && type != "Fuse" && type != "Strip") return false;
  }
  return true;
}

bool strips(const JsonObject& decoder) {
  for (const Json& step : decoder.array("decoders")) {
    if (JsonObject(step, decoder.place()).string("type") == "Strip") return true;
  }
  return false;
}

}  // namespace

std::string Decoder::operator()(const std::vector<std::string>& tokens) const {
  check(kind != Kind::kUnsupported, refusal);
  return kind == Kind::kByteLevel ? from_byte_level(tokens) : from_metaspace(tokens, strip_first_space);
}

Decoder read_decoder(const Json& json, const std::string& place) {
  const Decoder unsupported{
      .kind = Decoder::Kind::kUnsupported,
      .refusal = concat(place, ": ", json.is_null() ? "there is none" : json.dump(),
                        ", expected ByteLevel, Metaspace, or Replace, ByteFallback, Fuse and "
                        "Strip in a Sequence; without it nothing that the model writes can be read")};
  if (!json.is_object()) return unsupported;
  const JsonObject decoder(json, place);
  const std::string type = decoder.string("type");
  if (type == "ByteLevel") return {};
  if (type == "Metaspace") {
    const bool strip = decoder.string("prepend_scheme", "always") != "never";
    return {.kind = Decoder::Kind::kMetaspace, .strip_first_space = strip, .refusal = {}};
  }
  if (type == "Sequence" && is_metaspace_sequence(decoder))
    return {.kind = Decoder::Kind::kMetaspace, .strip_first_space = strips(decoder), .refusal = {}};
  return unsupported;
}

}  // namespace uncurl::text
