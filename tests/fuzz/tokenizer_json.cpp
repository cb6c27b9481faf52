// tokenizer.json: opened, and where that works, used on a text with spaces, digits, scripts and broken UTF-8.
#include "uncurl/text/tokenizers/tokenizer_json.h"

#include "tests/fuzz/target.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("tokenizer.json", input);
  expect_answer([&] {
    const auto tokenizer = text::open_tokenizer_json(path);
    const auto ids = tokenizer->encode(" Hello  world's 123\r\n\té字🙂\xff<s>aaaaaaaaaaaaaaaa!", true);
    if (tokenizer->vocabulary_size() < 0) throw std::logic_error("a negative size");
    expect_answer([&] { (void)tokenizer->decode(ids); });
  });
}

}  // namespace uncurl::fuzz
