// What happens at the edges (lstrip after another token, rstrip over the next one) follows added_vocabulary.rs of
// Hugging Face's tokenizers, since the ids have to be the same.
#include "uncurl/text/tokenizers/added_tokens.h"

#include <algorithm>

#include "uncurl/text/unicode.h"

namespace uncurl::text {
namespace {

std::size_t start_of_last_code_point(std::string_view text) {
  std::size_t i = text.size() - 1;
  while (i > 0 && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) --i;
  return i;
}

bool ends_with_word(std::string_view text) {
  if (text.empty()) return false;
  std::size_t i = start_of_last_code_point(text);
  return is_word(next_code_point(text, i));
}

bool starts_with_word(std::string_view text) {
  std::size_t i = 0;
  return !text.empty() && is_word(next_code_point(text, i));
}

std::size_t without_trailing_space(std::string_view text) {
  while (!text.empty()) {
    const std::size_t last = start_of_last_code_point(text);
    std::size_t i = last;
    if (!is_whitespace(next_code_point(text, i))) break;
    text = text.substr(0, last);
  }
  return text.size();
}

std::size_t leading_space(std::string_view text) {
  std::size_t space = 0;
  for (std::size_t i = 0; i < text.size() && is_whitespace(next_code_point(text, i));) space = i;
  return space;
}

}  // namespace

AddedTokenFinder::AddedTokenFinder(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)), nodes_(1) {
  for (std::size_t t = 0; t < tokens_.size(); ++t) insert(tokens_[t].content, static_cast<int>(t));
}

void AddedTokenFinder::insert(const std::string& content, int token) {
  std::size_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    if (const std::size_t* const next = child(node, byte)) {
      node = *next;
      continue;
    }
    nodes_[node].children.emplace_back(byte, nodes_.size());
    node = nodes_.size();
    nodes_.emplace_back();
  }
  nodes_[node].token = token;
}

const std::size_t* AddedTokenFinder::child(std::size_t node, unsigned char byte) const {
  for (const auto& [label, target] : nodes_[node].children)
    if (label == byte) return &target;
  return nullptr;
}

AddedTokenFinder::Match AddedTokenFinder::longest_at(std::string_view text, std::size_t begin) const {
  Match longest;
  std::size_t node = 0;
  for (std::size_t i = begin; i < text.size(); ++i) {
    const std::size_t* const next = child(node, static_cast<unsigned char>(text[i]));
    if (!next) break;
    node = *next;
    if (nodes_[node].token >= 0) longest = {i + 1, nodes_[node].token};
  }
  return longest;
}

std::vector<Section> AddedTokenFinder::split(std::string_view text) const {
  std::vector<Section> sections;
  std::size_t done = 0;
  const auto add = [&](std::size_t begin, std::size_t end, std::int32_t id) {
    if (begin < end) sections.push_back({text.substr(begin, end - begin), id});
  };
  for (std::size_t i = 0; i < text.size() && !tokens_.empty();) {
    const Match match = longest_at(text, i);
    if (match.token < 0) {
      ++i;
      continue;
    }
    std::size_t begin = i, end = match.end;
    i = match.end;
    const AddedToken& token = tokens_[static_cast<std::size_t>(match.token)];
    if (token.single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) continue;
    if (token.lstrip) begin = std::max(without_trailing_space(text.substr(0, begin)), done);
    if (token.rstrip) end += leading_space(text.substr(end));
    add(done, begin, -1);
    add(begin, end, token.id);
    done = end;
  }
  add(done, text.size(), -1);
  return sections;
}

}  // namespace uncurl::text
