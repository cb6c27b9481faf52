// What a model reads: a prompt and what follows it.
#pragma once

#include <string>
#include <vector>

namespace uncurl::text {

/// A prompt followed by the right answer. Both count as task tokens. Plain text is a prompt without a completion.
struct Example {
  std::string prompt;
  std::string completion;

  std::string text() const { return prompt + completion; }
};

/// A prompt with its possible continuations, of which `choices[label]` is right. One choice means that the answer is
/// free text. A choice begins with the space that separates it from the prompt, if there is to be one.
struct TaskExample {
  std::string prompt;
  std::vector<std::string> choices;
  int label = 0;

  Example right_answer() const { return {prompt, choices[static_cast<std::size_t>(label)]}; }
};

}  // namespace uncurl::text
