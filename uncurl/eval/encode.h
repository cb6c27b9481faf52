// Texts to judged tokens, exactly as lm-evaluation-harness 0.4 cuts them, so that log-likelihoods can be compared.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "uncurl/eval/requests.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::eval {

/// A text that is gone on with.
struct Prompt {
  std::vector<std::int32_t> ids;  ///< one at least
  std::string name = {};          ///< in errors: "gsm8k: train.jsonl:17"
};

struct Encoder {
  const text::Tokenizer& tokenizer;
  text::NamedToken beginning_of_text;  ///< stands before a text without a context, and is asked for there alone
  std::int64_t max_length = 0;         ///< tokens the model sees at most

  /// A continuation given its context. White space at the end of the context belongs to the continuation; the two are
  /// tokenised as one text and cut where the tokens of the context alone end. What is too long loses its beginning.
  /// @throws Error if the continuation has no token, or more than max_length, or there is no beginning_of_text to stand
  ///         before it
  Request pair(const std::string& context, const std::string& continuation) const;

  /// All tokens of a text, in windows of max_length that do not overlap but for the last, which reaches back as far as
  /// it can. The first token is judged after `beginning_of_text`. Empty for a text without tokens. @throws Error if
  /// there is no such token
  std::vector<Request> windows(const std::string& text) const;

  /// A prompt that is to be gone on with; keeps its last tokens if it leaves no room for `max_new_tokens`.
  /// @throws Error if max_new_tokens leaves no room for a prompt, or the prompt has no token
  std::vector<std::int32_t> prompt(const std::string& text, std::int64_t max_new_tokens) const;
};

}  // namespace uncurl::eval
