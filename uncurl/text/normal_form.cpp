// The forms are utf8proc's. Hugging Face's tokenizers take theirs from unicode-normalization-alignments 0.1.12, whose
// tables are those of Unicode 9 (2016); a model knows text as that library left it. So a character that Unicode has
// since added and that has a decomposition or a combining class is taken for what it was then: an unassigned one, which
// nothing moves across.
#include "uncurl/text/normal_form.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>

#include "uncurl/base/error.h"
#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

struct Range {
  char32_t first, last;
};

// Code points on which Unicode 18's normal forms differ from that library's, found by comparing all of them; and
// U+11A7, which utf8proc 2.8 swallows after a Hangul syllable, although it is not a trailing consonant and nothing
// composes with it.
constexpr auto kLeftAlone = std::to_array<Range>(
    {{0x0558, 0x0558},   {0x058B, 0x058C},   {0x05C8, 0x05C9},   {0x07FD, 0x07FD},   {0x0897, 0x089F},
     {0x08CA, 0x08D3},   {0x09FE, 0x09FE},   {0x0C3C, 0x0C3C},   {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},
     {0x11A7, 0x11A7},   {0x1715, 0x1715},   {0x1ABF, 0x1AF0},   {0x1DF6, 0x1DFA},   {0x209D, 0x209F},
     {0x32FF, 0x32FF},   {0xA7F1, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x105C9, 0x105C9},
     {0x105E4, 0x105E4}, {0x10781, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BF}, {0x10D24, 0x10D27},
     {0x10D69, 0x10D6D}, {0x10EAB, 0x10EAC}, {0x10ECB, 0x10ECF}, {0x10EF0, 0x10EFB}, {0x10EFD, 0x10EFF},
     {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x11383, 0x11383},
     {0x11385, 0x11385}, {0x1138E, 0x1138E}, {0x11391, 0x11391}, {0x113C5, 0x113C5}, {0x113C7, 0x113C8},
     {0x113CE, 0x113D0}, {0x1145E, 0x1145E}, {0x11839, 0x1183A}, {0x11938, 0x11938}, {0x1193D, 0x1193E},
     {0x11943, 0x11943}, {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
     {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16121, 0x16128},
     {0x1612F, 0x1612F}, {0x16D68, 0x16D6A}, {0x16FF0, 0x16FF1}, {0x1B123, 0x1B126}, {0x1CCD6, 0x1CCF9},
     {0x1D127, 0x1D128}, {0x1D250, 0x1D252}, {0x1D25B, 0x1D25C}, {0x1D25F, 0x1D25F}, {0x1D280, 0x1D281},
     {0x1D6A6, 0x1D6A6}, {0x1DF95, 0x1DF95}, {0x1DFCD, 0x1DFFF}, {0x1E030, 0x1E06D}, {0x1E08F, 0x1E08F},
     {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF}, {0x1E5EE, 0x1E5EF},
     {0x1E6E3, 0x1E6E3}, {0x1E6E6, 0x1E6E6}, {0x1E6EE, 0x1E6EF}, {0x1E6F5, 0x1E6F5}, {0x1F16C, 0x1F16C},
     {0x1FBF0, 0x1FBF9}});

bool is_left_alone(char32_t code_point) {
  const auto after = std::upper_bound(kLeftAlone.begin(), kLeftAlone.end(), code_point,
                                      [](char32_t c, const Range& range) { return c < range.first; });
  return after != kLeftAlone.begin() && code_point <= std::prev(after)->last;
}

bool all_below(std::string_view text, unsigned char limit) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return static_cast<unsigned char>(c) < limit; });
}

int options_of(NormalForm form) {
  const bool compose = form == NormalForm::nfc || form == NormalForm::nfkc;
  const bool compatible = form == NormalForm::nfkc || form == NormalForm::nfkd;
  return UTF8PROC_STABLE | (compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) | (compatible ? UTF8PROC_COMPAT : 0);
}

void append_form(std::string& out, std::string_view text, int options) {
  utf8proc_uint8_t* result = nullptr;
  const auto length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &result, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  check(length >= 0, "cannot bring ", text.size(), " bytes of text to a normal form: ", utf8proc_errmsg(length));
  out.append(reinterpret_cast<const char*>(result), static_cast<std::size_t>(length));
}

}  // namespace

std::string normal_form(std::string_view text, NormalForm form) {
  // Below U+0300 (lead byte 0xCC) nothing composes or reorders, so text of that kind is in form C already.
  if (all_below(text, form == NormalForm::nfc ? 0xCC : 0x80)) return std::string(text);
  std::string out;
  out.reserve(text.size());
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t begin = i;
    if (!is_left_alone(next_code_point(text, i))) continue;
    append_form(out, text.substr(done, begin - done), options_of(form));
    out += text.substr(begin, i - begin);
    done = i;
  }
  append_form(out, text.substr(done), options_of(form));
  return out;
}

}  // namespace uncurl::text
