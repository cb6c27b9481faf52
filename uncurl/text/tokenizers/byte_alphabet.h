// GPT-2's alphabet: each byte as one printable character, so that a byte-level vocabulary can be stored as text.
// Radford et al. 2019, encoder.py of the openai/gpt-2 repository. A space is written as U+0120, the familiar "Ġ".
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace uncurl::text {

/// The character that stands for each byte, as UTF-8.
const std::array<std::string, 256>& byte_alphabet();

std::string to_byte_alphabet(std::string_view bytes);

}  // namespace uncurl::text
