// Tokens found in the text before the model sees it: "<|endoftext|>", "<s>", runs of spaces, chat marks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace uncurl::text {

struct AddedToken {
  std::string content;
  std::int32_t id = -1;
  bool single_word = false;  ///< only where no word character touches it
  bool lstrip = false;       ///< swallows white space before it
  bool rstrip = false;       ///< swallows white space after it
  bool normalized = true;    ///< looked for in the normalised text, in its own normalised form
  bool special = false;
};

/// A stretch of text: an added token with its id, or text between them (id -1).
struct Section {
  std::string_view text;
  std::int32_t id = -1;
};

/// Finds added tokens: from the left, the longest one at each place.
class AddedTokenFinder {
 public:
  explicit AddedTokenFinder(std::vector<AddedToken> tokens);  ///< contents must not be empty

  /// In the order of the text; sections of text are never empty.
  std::vector<Section> split(std::string_view text) const;

 private:
  struct Node {
    std::vector<std::pair<unsigned char, std::size_t>> children;
    int token = -1;  ///< index of the token that ends here
  };
  struct Match {
    std::size_t end = 0;
    int token = -1;
  };

  void insert(const std::string& content, int token);
  const std::size_t* child(std::size_t node, unsigned char byte) const;
  Match longest_at(std::string_view text, std::size_t begin) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;  ///< a trie over bytes; [0] is its root
};

}  // namespace uncurl::text
