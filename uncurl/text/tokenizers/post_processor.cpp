#include "uncurl/text/tokenizers/post_processor.h"

#include "uncurl/base/error.h"
#include "uncurl/text/tokenizers/json_parts.h"

namespace uncurl::text {
namespace {

std::vector<std::int32_t> ids_of(const JsonObject& special_tokens, const std::string& name) {
  const JsonObject token = special_tokens.object(name);
  std::vector<std::int32_t> ids;
  for (const Json& id : token.array("ids")) ids.push_back(token_id(id, token.place()));
  return ids;
}

// The template of a single text: special tokens around the sequence "A".
SpecialTokens from_template(const JsonObject& json) {
  SpecialTokens special;
  int num_sequences = 0;
  for (const Json& element : json.array("single")) {
    const JsonObject item(element, json.place() + ".single");
    if (item.has("Sequence")) {
      check(item.object("Sequence").string("id") == "A", item.place(),
            ": the template of a single text names sequence B");
      ++num_sequences;
      continue;
    }
    const std::string name = item.object("SpecialToken").string("id");
    auto& side = num_sequences == 0 ? special.before : special.after;
    for (const std::int32_t id : ids_of(json.object("special_tokens"), name)) side.push_back(id);
  }
  check(num_sequences == 1, json.place(), ": a template in which the text occurs ", num_sequences,
        " times is not supported; expected once");
  return special;
}

// {"cls": ["<s>", 0], "sep": ["</s>", 2]}
SpecialTokens from_pair(const JsonObject& json) {
  const auto id_of = [&](const char* key) {
    const Json& pair = json.array(key);
    check(pair.size() == 2, json.place(), ": '", key, "' must be [token, id]");
    return token_id(pair[1], json.place());
  };
  return {{id_of("cls")}, {id_of("sep")}};
}

// Each processor wraps what the ones before it made.
SpecialTokens from_sequence(const JsonObject& json) {
  SpecialTokens all;
  int index = 0;
  for (const Json& step : json.array("processors")) {
    const SpecialTokens outer = read_post_processor(step, concat(json.place(), "[", index++, "]"));
    all.before.insert(all.before.begin(), outer.before.begin(), outer.before.end());
    all.after.insert(all.after.end(), outer.after.begin(), outer.after.end());
  }
  return all;
}

}  // namespace

SpecialTokens read_post_processor(const Json& json, const std::string& place) {
  if (json.is_null()) return {};
  const JsonObject object(json, place);
  const std::string type = object.string("type");
  if (type == "TemplateProcessing") return from_template(object);
  if (type == "BertProcessing" || type == "RobertaProcessing") return from_pair(object);
  if (type == "Sequence") return from_sequence(object);
  if (type == "ByteLevel") return {};
  fail(place, ": post-processor type '", type,
       "' is not supported (known: TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence)");
}

}  // namespace uncurl::text
