#include "uncurl/text/tokenizers/tokenizer_json.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/text/tokenizers/json_parts.h"
#include "uncurl/text/tokenizers/pipeline.h"
#include "uncurl/text/tokenizers/vocabulary_file.h"

namespace uncurl::text {
namespace {

using TableJson = nlohmann::json;  // our ordered Json looks keys up one by one: too slow for 100,000 of them

TableJson take(TableJson& object, const char* key, const std::string& place) {
  check(object.is_object() && object.contains(key), place, ": key '", key, "' is missing");
  TableJson value = std::move(object[key]);
  object.erase(key);
  return value;
}

std::pair<std::string, std::string> merge_of(const TableJson& json, const std::string& place) {
  if (json.is_string()) return split_merge(json.get_ref<const std::string&>(), place);
  check(json.is_array() && json.size() == 2 && json[0].is_string() && json[1].is_string(), place,
        ": a merge must be \"a b\" or [\"a\", \"b\"], found ", json.dump());
  return {json[0].get<std::string>(), json[1].get<std::string>()};
}

void refuse_text(const JsonObject& model, const char* key) {
  check(model.string(key, "").empty(), model.place(), ": ", key, " '", model.string(key, ""), "' is not supported");
}

Bpe read_model(TableJson json, const std::string& place) {
  check(json.is_object(), place, ": must be an object, found ", json.type_name());
  const TableJson type = json.value("type", TableJson("BPE"));  // the oldest files do not name it
  check(type == "BPE", place, ": model type ", type.dump(),
        " is not supported; only BPE is, which all model families that uncurl knows use");
  BpeData data;
  data.place = place;
  data.vocabulary = read_vocabulary(take(json, "vocab", place), place);
  const TableJson merges = take(json, "merges", place);
  check(merges.is_array(), place, ": 'merges' must be an array, found ", merges.type_name());
  for (const TableJson& merge : merges) data.merges.push_back(merge_of(merge, place));

  const Json rest(json);
  const JsonObject model(rest, place);
  refuse_text(model, "continuing_subword_prefix");
  refuse_text(model, "end_of_word_suffix");
  check(model.number("dropout", 0) == 0, place, ": dropout makes ids random and is not supported; set it to null");
  if (model.has("unk_token")) data.unknown_token = model.string("unk_token");
  data.fuse_unknown = model.boolean("fuse_unk", false);
  data.byte_fallback = model.boolean("byte_fallback", false);
  data.ignore_merges = model.boolean("ignore_merges", false);
  return Bpe(std::move(data));
}

std::vector<AddedToken> read_added_tokens(const Json& json, const Bpe& model, const std::string& place) {
  std::vector<AddedToken> tokens;
  for (const Json& element : json) {
    const JsonObject object(element, concat(place, "[", tokens.size(), "]"));
    AddedToken token = read_added_token(object);
    token.id = token_id(object.has("id") ? element.at("id") : Json(), object.place() + ": id");
    const std::int32_t model_id = model.id_of(token.content);
    check(model_id < 0 || model_id == token.id, object.place(), ": '", token.content, "' has id ", token.id,
          " here but ", model_id, " in the vocabulary");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

std::unique_ptr<Tokenizer> open_tokenizer_json(const std::filesystem::path& path) {
  const std::string place = path.string();
  TableJson json = parse_table(path);
  check(json.is_object(), place, ": must be a JSON object, found ", json.type_name());
  Bpe model = read_model(take(json, "model", place), place + ": model");
  const Json rest(json);
  const JsonObject root(rest, place);
  const auto part = [&](const char* key) { return root.has(key) ? rest.at(key) : Json(); };
  const Json added = root.has("added_tokens") ? root.array("added_tokens") : Json::array();
  std::vector<AddedToken> added_tokens = read_added_tokens(added, model, place + ": added_tokens");
  return make_pipeline({.added_tokens = std::move(added_tokens),
                        .normalizer = make_normalizer(part("normalizer"), place + ": normalizer"),
                        .pre_tokenizer = make_pre_tokenizer(part("pre_tokenizer"), place + ": pre_tokenizer"),
                        .model = std::move(model),
                        .special_tokens = read_post_processor(part("post_processor"), place + ": post_processor"),
                        .decoder = read_decoder(part("decoder"), place + ": decoder")});
}

}  // namespace uncurl::text
