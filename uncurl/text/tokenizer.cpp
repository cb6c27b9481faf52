#include "uncurl/text/tokenizer.h"

#include <string>

#include "uncurl/base/error.h"
#include "uncurl/base/open_file.h"
#include "uncurl/text/tokenizers/sentencepiece_model.h"
#include "uncurl/text/tokenizers/tokenizer_config.h"
#include "uncurl/text/tokenizers/tokenizer_json.h"
#include "uncurl/text/tokenizers/vocab_merges.h"

namespace uncurl::text {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<Tokenizer> open_folder(const fs::path& folder) {
  if (has_entry(folder / "tokenizer.json")) return open_tokenizer_json(folder / "tokenizer.json");
  if (has_entry(folder / "vocab.json") && has_entry(folder / "merges.txt"))
    return open_vocab_merges(folder / "vocab.json", folder / "merges.txt");
  if (has_entry(folder / "encoder.json") && has_entry(folder / "vocab.bpe"))
    return open_vocab_merges(folder / "encoder.json", folder / "vocab.bpe");
  if (has_entry(folder / "tokenizer.model")) return open_sentencepiece(folder / "tokenizer.model");
  fail(folder.string(),
       ": no tokenizer found; looked for tokenizer.json, vocab.json with merges.txt, encoder.json with ",
       "vocab.bpe, tokenizer.model");
}

// A name as in mistral-common: tokenizer.model, tokenizer.model.v1, spiece.model.
bool names_a_sentencepiece_model(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.ends_with(".model") || name.find(".model.") != std::string::npos;
}

std::int32_t only_token(const fs::path& folder, const std::string& name, const Tokenizer& tokenizer) {
  const std::vector<std::int32_t> ids = tokenizer.encode(name, /*add_special_tokens=*/false);
  check(ids.size() == 1, (folder / "tokenizer_config.json").string(), ": '", name, "' is ", ids.size(),
        " tokens of the tokenizer, expected one");
  return ids.front();
}

}  // namespace

std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& folder_or_file) {
  check(has_entry(folder_or_file), folder_or_file.string(), ": no such file or folder; expected a tokenizer");
  if (fs::is_directory(folder_or_file)) return open_folder(folder_or_file);
  const std::string name = folder_or_file.filename().string();
  if (name == "vocab.json") return open_vocab_merges(folder_or_file, folder_or_file.parent_path() / "merges.txt");
  if (name == "encoder.json") return open_vocab_merges(folder_or_file, folder_or_file.parent_path() / "vocab.bpe");
  if (names_a_sentencepiece_model(folder_or_file)) return open_sentencepiece(folder_or_file);
  if (folder_or_file.extension() == ".json") return open_tokenizer_json(folder_or_file);
  fail(folder_or_file.string(), ": not the name of a tokenizer file; expected *.json (as tokenizer.json), vocab.json, ",
       "encoder.json or *.model (SentencePiece)");
}

std::int32_t beginning_of_text(const fs::path& folder, const Tokenizer& tokenizer) {
  const TokenizerConfig config = read_tokenizer_config(folder);
  const std::optional<std::string> name = config.bos_token ? config.bos_token : config.eos_token;
  check(name.has_value(), (folder / "tokenizer_config.json").string(),
        ": names neither bos_token nor eos_token, and a text without a prompt needs a token before it");
  return only_token(folder, *name, tokenizer);
}

std::int32_t end_of_text(const fs::path& folder, const Tokenizer& tokenizer) {
  const TokenizerConfig config = read_tokenizer_config(folder);
  check(config.eos_token.has_value(), (folder / "tokenizer_config.json").string(),
        ": names no eos_token, which training puts after every text");
  return only_token(folder, *config.eos_token, tokenizer);
}

}  // namespace uncurl::text
