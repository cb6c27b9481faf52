// tokenizer.model: opened, and where that works, used.
#include "tests/fuzz/target.h"
#include "uncurl/text/tokenizers/sentencepiece_model.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::filesystem::path path = put("tokenizer.model", input);
  expect_answer([&] {
    const auto tokenizer = text::open_sentencepiece(path);
    const auto ids = tokenizer->encode(" Hello  world's 123\r\n\té字🙂\xff<s>", true);
    expect_answer([&] { (void)tokenizer->decode(ids); });
  });
}

}  // namespace uncurl::fuzz
