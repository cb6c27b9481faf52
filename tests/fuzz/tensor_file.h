// Safetensors files from text that a person and the mutator can change:
//
//     {"metadata": {...}, "tensors": {"gram": ["F64", [4,4], [1.5, null]]}}
//
// The third element gives values, taken in turn (null: NaN, absent: 0); offsets are filled in.
#pragma once

#include <string>
#include <string_view>

namespace uncurl::fuzz {

/// The bytes of the file that `input` describes; `input` itself, where it describes none or one of more than a
/// megabyte.
std::string tensor_file_of(std::string_view input);

}  // namespace uncurl::fuzz
