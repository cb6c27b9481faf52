// Wire format: protobuf.dev/programming-guides/encoding. Field numbers: sentencepiece_model.proto. Units of the trie:
// darts.h of darts-clone, class DoubleArrayUnit.
#include "uncurl/text/tokenizers/character_map.h"

#include <cstdint>
#include <functional>
#include <limits>

#include "uncurl/base/error.h"

namespace uncurl::text {
namespace {

constexpr std::uint64_t kNormalizerSpec = 3, kDenormalizerSpec = 5, kPrecompiledCharsmap = 2;

/// Reads the fields of a message one after the other.
class Message {
 public:
  Message(std::string_view bytes, const std::string& place) : rest_(bytes), place_(place) {}

  /// Calls visit(number, bytes) for fields that hold bytes: strings and messages.
  void for_each_bytes(const std::function<void(std::uint64_t number, std::string_view bytes)>& visit) {
    while (!rest_.empty()) {
      const std::uint64_t tag = varint(), kind = tag & 7;
      expect(tag <= std::numeric_limits<std::uint32_t>::max());  // others may read its lowest bits alone
      if (kind == 0) {
        varint();
      } else if (kind == 2) {
        visit(tag >> 3, take(varint()));
      } else {
        expect(kind == 1 || kind == 5);
        take(kind == 1 ? 8 : 4);
      }
    }
  }

 private:
  void expect(bool ok) const { check(ok, place_, ": not a SentencePiece model (no protocol buffer)"); }

  std::string_view take(std::uint64_t count) {
    expect(count <= rest_.size());
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    expect(false);
    return 0;
  }

  std::string_view rest_;
  const std::string& place_;
};

std::uint32_t word_at(std::string_view bytes, std::size_t index) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    word |= std::uint32_t{static_cast<unsigned char>(bytes[4 * index + i])} << (8 * i);
  }
  return word;
}

bool is_leaf(std::uint32_t unit) { return unit >> 31 != 0; }
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1) != 0; }
std::uint32_t offset_of(std::uint32_t unit) { return unit >> 10 << ((unit & 1u << 9) >> 6); }

/// From unit i one character leads to any of the 256 units around i ^ offset, and a leaf to a normal form. Labels keep
/// a search away from leaves, but nothing asks for the label of the root.
bool stays_inside(std::string_view units, std::string_view normal_forms) {
  const std::size_t num_units = units.size() / 4;
  for (std::size_t i = 0; i < num_units; ++i) {
    const std::uint32_t unit = word_at(units, i);
    if (i > 0 && is_leaf(unit)) continue;
    const std::size_t next = i ^ offset_of(unit);
    if ((next | 0xFF) >= num_units) return false;
    const std::uint32_t leaf = word_at(units, next) & std::numeric_limits<std::int32_t>::max();
    if (has_leaf(unit) && leaf >= normal_forms.size()) return false;
  }
  return true;
}

/// The size of the trie, the trie, the normal forms, each ended by a zero byte.
void check_map(std::string_view map, const std::string& place) {
  if (map.empty()) return;
  const std::uint32_t size = map.size() < 4 ? 0 : word_at(map, 0);
  const bool has_parts = size > 0 && size % 4 == 0 && size < map.size() - 4 && map.back() == '\0';
  check(has_parts && stays_inside(map.substr(4, size), map.substr(4 + size)), place,
        ": the normalisation in this SentencePiece model is damaged (an offset of its character map leads outside)");
}

}  // namespace

void check_character_maps(std::string_view model, const std::string& place) {
  Message(model, place).for_each_bytes([&](std::uint64_t number, std::string_view spec) {
    if (number != kNormalizerSpec && number != kDenormalizerSpec) return;
    Message(spec, place).for_each_bytes([&](std::uint64_t field, std::string_view bytes) {
      if (field == kPrecompiledCharsmap) check_map(bytes, place);
    });
  });
}

}  // namespace uncurl::text
