// The header of a safetensors file: whatever it says, the ranges it leaves lie in the file and cover it.
#include "uncurl/checkpoint/safetensors.h"

#include "tests/fuzz/target.h"

namespace uncurl::fuzz {

void try_input(std::string_view input) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(input.data()), input.size());
  expect_answer([&] {
    std::uint64_t covered = 0;
    const checkpoint::SafetensorsFile file = checkpoint::parse_safetensors_header(bytes, "model.safetensors");
    for (const checkpoint::TensorInfo& tensor : file.tensors) {
      if (tensor.begin > tensor.end || tensor.end > bytes.size()) throw std::logic_error("a range outside the file");
      covered += tensor.num_bytes();
    }
    if (covered > bytes.size()) throw std::logic_error("ranges that overlap");
  });
}

}  // namespace uncurl::fuzz
