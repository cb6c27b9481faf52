#include "uncurl/eval/same_tokens.h"

#include <algorithm>

#include "uncurl/base/error.h"

namespace uncurl::eval {
namespace {

using Ids = std::vector<std::int32_t>;

/// The texts of which a row's tokens are made: what is read, and where it is cut (Encoder::pair).
std::vector<std::string> texts_of(const text::TaskExample& example) {
  std::vector<std::string> texts = {example.prompt};
  for (std::size_t c = 0; c < example.choices.size(); ++c) {
    texts.push_back(example.context_of(c));
    texts.push_back(example.context_of(c) + example.choices[c]);
  }
  return texts;
}

}  // namespace

std::optional<std::string> first_difference(const PreparedTask& task, const Encoder& encoder, const Encoder& other) {
  for (const Item& item : task.items) {
    for (const std::string& text : texts_of(item.example)) {
      const Ids ids = encoder.tokenizer.encode(text, /*add_special_tokens=*/true);
      const Ids of_other = other.tokenizer.encode(text, /*add_special_tokens=*/true);
      if (ids == of_other) continue;
      const auto first = std::mismatch(ids.begin(), ids.end(), of_other.begin(), of_other.end()).first - ids.begin();
      return concat(item.example.place, " (", ids.size(), " tokens by the one, ", of_other.size(),
                    " by the other, token ", first, " is the first that differs)");
    }
  }
  const auto asks = [](const Item& item) {
    for (std::size_t c = 0; c < item.example.choices.size(); ++c) {
      if (item.example.context_of(c).empty()) return true;
    }
    return false;
  };
  const auto without_context = std::find_if(task.items.begin(), task.items.end(), asks);
  if (without_context != task.items.end() && encoder.beginning_of_text.id() != other.beginning_of_text.id()) {
    return concat(without_context->example.place, " (another token stands before a text without a prompt)");
  }
  return std::nullopt;
}

}  // namespace uncurl::eval
