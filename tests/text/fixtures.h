// What the tests of this module share: a folder that vanishes, a tokenizer that can be followed by hand, the data
// folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::text {

/// A new folder, removed at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "uncurl_text_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, std::string_view content) const {
    write_text(path_ / name, content);
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// The message of the Error that `action` throws; a failure if it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

/// One id per byte, after id 1000 where special tokens are asked for.
class ByteTokenizer : public Tokenizer {
 public:
  std::vector<std::int32_t> encode(std::string_view text, bool add_special_tokens) const override {
    std::vector<std::int32_t> ids;
    if (add_special_tokens) ids.push_back(1000);
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
    return ids;
  }
  std::string decode(std::span<const std::int32_t> ids, bool = false) const override {
    std::string text;
    for (const std::int32_t id : ids)
      if (id < 256) text += static_cast<char>(id);
    return text;
  }
  std::int64_t vocabulary_size() const override { return 1001; }
};

inline std::filesystem::path shared_data() {
  const char* const named = std::getenv("UNCURL_DATA");
  return named ? std::filesystem::path(named) : std::filesystem::path(__FILE__).parent_path() / "../../../shared/data";
}

inline std::filesystem::path repository() { return std::filesystem::path(__FILE__).parent_path() / "../.."; }

}  // namespace uncurl::text

#define UNCURL_SKIP_WITHOUT(path)     \
  if (!std::filesystem::exists(path)) \
  GTEST_SKIP() << "no " << (path) << ": set UNCURL_DATA to the folder with shared data"
