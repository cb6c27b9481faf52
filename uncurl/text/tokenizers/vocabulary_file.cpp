#include "uncurl/text/tokenizers/vocabulary_file.h"

#include <cstdint>
#include <limits>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/strict_json.h"

namespace uncurl::text {

nlohmann::json parse_table(const std::filesystem::path& path) {
  return parse_strict_json(read_text(path), path.string());
}

Vocabulary read_vocabulary(const nlohmann::json& json, const std::string& place) {
  check(json.is_object() && !json.empty(), place,
        ": the vocabulary must be an object from token to id that is not empty, found ",
        json.empty() ? "an empty " : "", json.type_name());
  Vocabulary vocabulary;
  vocabulary.reserve(json.size());
  for (const auto& [token, id] : json.items()) {
    check(id.is_number_integer() && id.get<std::int64_t>() >= 0 &&
              id.get<std::int64_t>() < std::numeric_limits<std::int32_t>::max(),
          place, ": the id of '", token, "' must be a whole number from 0, found ", id.dump());
    vocabulary.emplace(token, id.get<std::int32_t>());
  }
  return vocabulary;
}

std::pair<std::string, std::string> split_merge(const std::string& line, const std::string& place) {
  const std::size_t space = line.find(' ');
  check(space != std::string::npos && line.find(' ', space + 1) == std::string::npos, place,
        ": a merge must be two tokens with one space between them, found '", line, "'");
  return {line.substr(0, space), line.substr(space + 1)};
}

AddedToken read_added_token(const JsonObject& json) {
  AddedToken token;
  token.content = json.string("content");
  check(!token.content.empty(), json.place(), ": an added token has no content");
  token.special = json.boolean("special", false);
  token.single_word = json.boolean("single_word", false);
  token.lstrip = json.boolean("lstrip", false);
  token.rstrip = json.boolean("rstrip", false);
  token.normalized = json.boolean("normalized", !token.special);
  return token;
}

}  // namespace uncurl::text
