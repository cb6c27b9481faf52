// Unicode normal forms, as Hugging Face's tokenizers compute them: with the tables of Unicode 9.
#pragma once

#include <string>
#include <string_view>

namespace uncurl::text {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// `text` must be valid UTF-8. Characters that came after Unicode 9 stay as and where they are.
/// @throws Error if the text is too large for utf8proc (2 GB)
std::string normal_form(std::string_view text, NormalForm form);

}  // namespace uncurl::text
