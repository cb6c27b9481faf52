// What a model reads: a prompt and what follows it.
#pragma once

#include <string>
#include <vector>

namespace uncurl::text {

/// A prompt followed by the right answer. Both count as task tokens. Plain text is a prompt without a completion; no
/// other example lacks one (LeftOut::unanswered).
struct Example {
  std::string prompt;
  std::string completion;
  std::string place = {};  ///< where the row stands ("val.jsonl:3")

  std::string text() const { return prompt + completion; }
};

/// A prompt with its possible continuations, of which `choices[label]` is right. One choice means that the answer is
/// free text. A choice begins with the space that separates it from the prompt, if there is to be one.
struct TaskExample {
  std::string prompt;
  std::vector<std::string> choices;
  int label = 0;
  std::vector<std::string> contexts = {};      ///< where the texts before the choices differ: one a choice, else empty
  std::string place = {};                      ///< where the row stands ("val.jsonl:3")
  std::string group = {};                      ///< rows of one group are judged together; empty: alone
  std::string cluster = {};                    ///< rows of one line of a file (a passage) were sampled together
  std::vector<std::string> choice_names = {};  ///< what each choice proposes, where that is judged by its words
  std::vector<std::string> answers = {};       ///< texts that are right: for words, and for what a model writes
  std::string counted = {};                    ///< the text whose words and bytes count, where it is not the completion
  std::string tests = {};                      ///< a program's tests

  const std::string& context_of(std::size_t choice) const { return contexts.empty() ? prompt : contexts[choice]; }
  Example right_answer() const {
    return {context_of(static_cast<std::size_t>(label)), choices[static_cast<std::size_t>(label)], place};
  }
};

}  // namespace uncurl::text
