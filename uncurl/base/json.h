// JSON files: read with errors that name file and key, written whole or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace uncurl {

using Json = nlohmann::ordered_json;  ///< keys keep their order, so equal work gives equal files

/// @throws Error naming the file if it is missing, unreadable or not JSON
Json read_json(const std::filesystem::path& path);

/// The text of `json`, on one line unless `indent` is given. Bytes that are not UTF-8 (a path may hold some) become
/// U+FFFD.
std::string json_text(const Json& json, int indent = -1);

/// Writes beside the target and renames, so that a crash leaves the old file or the new one.
void write_json(const std::filesystem::path& path, const Json& json);

/// A JSON object with the place it came from, for checked access: errors say "<place>: key 'x' ...".
class JsonObject {
 public:
  /// @throws Error if `json` is not an object
  JsonObject(const Json& json, std::string place);

  bool has(const std::string& key) const;  ///< present and not null
  std::int64_t integer(const std::string& key) const;
  std::uint64_t unsigned_integer(const std::string& key) const;  ///< 0 to 2^64-1
  double number(const std::string& key) const;
  bool boolean(const std::string& key) const;
  std::string string(const std::string& key) const;
  const Json& array(const std::string& key) const;
  JsonObject object(const std::string& key) const;

  /// The same with a value for an absent or null key.
  std::int64_t integer(const std::string& key, std::int64_t fallback) const;
  double number(const std::string& key, double fallback) const;
  bool boolean(const std::string& key, bool fallback) const;
  std::string string(const std::string& key, const std::string& fallback) const;

  /// @throws Error if a key is not in `known`: a misspelt key must not be ignored in silence
  void expect_only(std::initializer_list<const char*> known) const;

  const std::string& place() const { return place_; }
  const Json& json() const { return *json_; }

 private:
  const Json& at(const std::string& key, const char* type) const;

  const Json* json_;
  std::string place_;
};

}  // namespace uncurl
