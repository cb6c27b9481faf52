#include "uncurl/text/tokenizer.h"

#include <algorithm>
#include <string>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/join.h"
#include "uncurl/base/open_file.h"
#include "uncurl/text/tokenizers/bounded.h"
#include "uncurl/text/tokenizers/sentencepiece_model.h"
#include "uncurl/text/tokenizers/tokenizer_config.h"
#include "uncurl/text/tokenizers/tokenizer_json.h"
#include "uncurl/text/tokenizers/vocab_merges.h"

namespace uncurl::text {
namespace {

namespace fs = std::filesystem;

/// Files that decide ids, and how they are opened; the first one whose files are all there.
struct Kind {
  std::vector<const char*> names;
  std::unique_ptr<Tokenizer> (*open)(const fs::path& folder);
  bool obeys_config = true;  ///< tokenizer_config.json, and what older versions of it left to other files
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kKinds = {
      {{"tokenizer.json"},
       [](const fs::path& folder) { return open_tokenizer_json(folder / "tokenizer.json"); },
       false},
      {{"vocab.json", "merges.txt"},
       [](const fs::path& folder) { return open_vocab_merges(folder / "vocab.json", folder / "merges.txt"); }},
      {{"encoder.json", "vocab.bpe"},
       [](const fs::path& folder) { return open_vocab_merges(folder / "encoder.json", folder / "vocab.bpe"); }},
      {{"tokenizer.model"}, [](const fs::path& folder) { return open_sentencepiece(folder / "tokenizer.model"); }}};
  return kKinds;
}

/// Names of files that look like a tokenizer of another kind.
std::vector<std::string> other_tokenizers(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string(), extension = entry->path().extension().string();
    if (extension == ".tiktoken" || extension == ".model" || name.find(".model.") != std::string::npos ||
        name.starts_with("vocab.") || name.starts_with("tokenizer.") || name == "tekken.json") {
      names.push_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

const Kind* find_kind(const fs::path& folder) {
  for (const Kind& kind : kinds()) {
    if (std::all_of(kind.names.begin(), kind.names.end(), [&](const char* name) { return has_entry(folder / name); })) {
      return &kind;
    }
  }
  return nullptr;
}

[[noreturn]] void fail_without_tokenizer(const fs::path& folder) {
  const std::vector<std::string> others = other_tokenizers(folder);
  fail(folder.string(),
       ": no tokenizer found; looked for tokenizer.json, vocab.json with merges.txt, encoder.json with ",
       "vocab.bpe, tokenizer.model",
       others.empty() ? "; copy the tokenizer of the model into the folder"
                      : concat("; the folder has ", join(others),
                               ". AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER) of transformers makes "
                               "a tokenizer.json of what it can read"));
}

// A name as in mistral-common: tokenizer.model, tokenizer.model.v1, spiece.model.
bool names_a_sentencepiece_model(const fs::path& file) {
  const std::string name = file.filename().string();
  return name.ends_with(".model") || name.find(".model.") != std::string::npos;
}

NamedToken only_token(const fs::path& folder, const std::string& name, const Tokenizer& tokenizer) {
  const std::string place = concat((folder / "tokenizer_config.json").string(), ": '", name, "'");
  try {
    const std::vector<std::int32_t> ids = tokenizer.encode(name, /*add_special_tokens=*/false);
    if (ids.size() == 1) return NamedToken(ids.front());
    return NamedToken(concat(place, " is ", ids.size(), " tokens of the tokenizer, expected one"));
  } catch (const Error& error) {  // matters where the token is needed
    return NamedToken(concat(place, ": ", error.what()));
  }
}

}  // namespace

std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& folder_or_file) {
  check(has_entry(folder_or_file), folder_or_file.string(), ": no such file or folder; expected a tokenizer");
  if (fs::is_directory(folder_or_file)) {
    const Kind* const kind = find_kind(folder_or_file);
    if (!kind) fail_without_tokenizer(folder_or_file);
    return kind->open(folder_or_file);
  }
  const std::string name = folder_or_file.filename().string();
  if (name == "vocab.json") return open_vocab_merges(folder_or_file, folder_or_file.parent_path() / "merges.txt");
  if (name == "encoder.json") return open_vocab_merges(folder_or_file, folder_or_file.parent_path() / "vocab.bpe");
  if (names_a_sentencepiece_model(folder_or_file)) return open_sentencepiece(folder_or_file);
  if (folder_or_file.extension() == ".json") return open_tokenizer_json(folder_or_file);
  fail(folder_or_file.string(), ": not the name of a tokenizer file; expected *.json (as tokenizer.json), vocab.json, ",
       "encoder.json or *.model (SentencePiece)");
}

std::unique_ptr<Tokenizer> open_tokenizer(const fs::path& folder, std::int64_t num_embeddings) {
  return within_embeddings(open_tokenizer(folder), num_embeddings, folder.string());
}

std::string encoding_hash(const fs::path& folder) {
  const Kind* const kind = find_kind(folder);
  if (!kind) return "";
  std::vector<std::string> names(kind->names.begin(), kind->names.end());
  if (kind->obeys_config) {
    for (const char* const name : {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"}) {
      if (has_entry(folder / name)) names.emplace_back(name);
    }
  }
  Hasher hasher;
  for (const std::string& name : names) {
    hasher.add(name);
    hasher.add(file_hash(folder / name));
  }
  return hasher.hex();
}

std::int32_t NamedToken::required() const {
  check(id_.has_value(), reason_);
  return *id_;
}

NamedToken beginning_of_text(const fs::path& folder, const Tokenizer& tokenizer) {
  const TokenizerConfig config = read_tokenizer_config(folder);
  const std::optional<std::string> name = config.bos_token ? config.bos_token : config.eos_token;
  if (name) return only_token(folder, *name, tokenizer);
  return NamedToken(concat((folder / "tokenizer_config.json").string(),
                           ": names neither bos_token nor eos_token, and a text without a prompt needs a token before "
                           "it; add \"bos_token\" (or \"eos_token\") with the token that the model was trained with"));
}

NamedToken end_of_text(const fs::path& folder, const Tokenizer& tokenizer) {
  const TokenizerConfig config = read_tokenizer_config(folder);
  if (config.eos_token) return only_token(folder, *config.eos_token, tokenizer);
  return NamedToken(concat((folder / "tokenizer_config.json").string(),
                           ": names no eos_token, which training puts after every text; add \"eos_token\""));
}

}  // namespace uncurl::text
