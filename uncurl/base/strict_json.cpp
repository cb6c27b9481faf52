#include "uncurl/base/strict_json.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "uncurl/base/error.h"

namespace uncurl {

namespace {

/// Builds values as the parser meets them. The library's own way into a `Json` compares each new key with all before
/// it, and its filter callback looks through all earlier siblings after every object: minutes for 100,000 of them.
template <class AnyJson>
class Builder : public nlohmann::json_sax<AnyJson> {
 public:
  Builder(const std::string& name, int max_depth) : name_(name), max_depth_(static_cast<std::size_t>(max_depth)) {}

  AnyJson take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(std::int64_t value) override { return add(value); }
  bool number_unsigned(std::uint64_t value) override { return add(value); }
  bool number_float(double value, const std::string&) override { return add(value); }
  bool string(std::string& value) override { return add(std::move(value)); }
  bool binary(typename AnyJson::binary_t&) override { return false; }  // JSON text holds none

  bool start_object(std::size_t) override { return open(AnyJson::object()); }
  bool start_array(std::size_t) override { return open(AnyJson::array()); }
  bool end_array() override { return close(); }
  bool end_object() override {
    check_distinct_keys();
    return close();
  }
  bool key(std::string& key) override {
    auto& object = open_.back()->template get_ref<typename AnyJson::object_t&>();
    if constexpr (std::is_same_v<AnyJson, Json>) {
      object.Json::object_t::Container::emplace_back(std::move(key), nullptr);
      place_ = &object.back().second;
    } else {
      const auto [entry, is_new] = object.emplace(key, nullptr);
      if (!is_new) fail_twice(key);
      place_ = &entry->second;
    }
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) override {
    fail(name_, ": not valid JSON: ", reason_of(error));
  }

 private:
  template <class Value>
  bool add(Value&& value) {
    if (open_.empty()) {
      place_ = &root_;
    } else if (open_.back()->is_array()) {
      place_ = &open_.back()->template get_ref<typename AnyJson::array_t&>().emplace_back();
    }
    *place_ = std::forward<Value>(value);
    return true;
  }

  bool open(AnyJson container) {
    if (open_.size() == max_depth_) fail(name_, ": JSON nested deeper than ", max_depth_);
    add(std::move(container));
    open_.push_back(place_);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  [[noreturn]] void fail_twice(const std::string& key) const {
    fail(name_, ": key ", SortedJson(key).dump(), " appears twice");
  }

  void check_distinct_keys() const {
    if constexpr (std::is_same_v<AnyJson, Json>) {
      std::vector<const std::string*> keys;
      for (const auto& [key, value] : open_.back()->template get_ref<typename AnyJson::object_t&>()) {
        keys.push_back(&key);
      }
      std::sort(keys.begin(), keys.end(), [](const std::string* a, const std::string* b) { return *a < *b; });
      const auto twice = std::adjacent_find(keys.begin(), keys.end(),
                                            [](const std::string* a, const std::string* b) { return *a == *b; });
      if (twice != keys.end()) fail_twice(**twice);
    }
  }

  const std::string& name_;
  std::size_t max_depth_;
  AnyJson root_;
  std::vector<AnyJson*> open_;  // containers, from the outermost
  AnyJson* place_ = nullptr;    // where the next value goes
};

template <class AnyJson>
AnyJson parse(std::string_view text, const std::string& name, int max_depth) {
  if (text.find('\0') != std::string_view::npos) fail(name, ": not valid JSON: it contains a zero byte");
  Builder<AnyJson> builder(name, max_depth);
  AnyJson::sax_parse(text, &builder);
  return builder.take();
}

}  // namespace

std::string reason_of(const nlohmann::json::exception& error) {
  const std::string_view text = error.what();
  const std::size_t end = text.starts_with('[') ? text.find("] ") : std::string_view::npos;
  return std::string(end == std::string_view::npos ? text : text.substr(end + 2));
}

SortedJson parse_strict_json(std::string_view text, const std::string& name, int max_depth) {
  return parse<SortedJson>(text, name, max_depth);
}

Json parse_json(std::string_view text, const std::string& name, int max_depth) {
  return parse<Json>(text, name, max_depth);
}

}  // namespace uncurl
