// Content hashes (XXH3, 128 bits): to recognise files and to draw samples that do not depend on order. Not for secrecy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace uncurl {

/// Hash of a stream of bytes; `hex()` may be asked at any time.
class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void add(std::span<const std::byte> bytes);
  void add(std::string_view text);  ///< with its length, so that ("ab","c") differs from ("a","bc")
  std::string hex() const;          ///< 32 lower-case hexadecimal digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Hash of a whole file. @throws Error naming the file and the system's reason
std::string file_hash(const std::filesystem::path& path);

/// 64 bits of a text and a seed: the same on every machine.
std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0);

/// 64 well-mixed bits of two numbers (splitmix64): to choose a token by (row, position).
std::uint64_t hash64(std::uint64_t a, std::uint64_t b);

}  // namespace uncurl
