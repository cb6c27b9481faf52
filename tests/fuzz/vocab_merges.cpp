// vocab.json, merges.txt and tokenizer_config.json together: {"vocab": {...}, "merges": "a b\n", "config": {...}}.
#include "uncurl/text/tokenizers/vocab_merges.h"

#include "tests/fuzz/target.h"
#include "uncurl/base/strict_json.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  expect_answer([&] {
    const Json json = parse_json(input, "input");
    const JsonObject parts(json, "input");
    const auto vocabulary = put("vocab.json", json_text(parts.object("vocab").json()));
    const auto merges = put("merges.txt", parts.string("merges"));
    put("tokenizer_config.json", json_text(parts.object("config").json()));
    const auto tokenizer = text::open_vocab_merges(vocabulary, merges);
    const auto ids = tokenizer->encode(" Hello  world's 123\n字<s>", true);
    expect_answer([&] { (void)tokenizer->decode(ids); });
    expect_answer([&] { (void)text::beginning_of_text(folder(), *tokenizer); });
    expect_answer([&] { (void)text::end_of_text(folder(), *tokenizer); });
  });
}

}  // namespace uncurl::fuzz
