// Two models can be compared token by token only where their tokenizers make the same tokens of the rows.
#pragma once

#include <optional>
#include <string>

#include "uncurl/eval/prepare.h"

namespace uncurl::eval {

/// The first row of the task of which two encoders make different tokens, and how many each; none if all are equal.
/// Cost: tokenises all rows once with each.
std::optional<std::string> first_difference(const PreparedTask& task, const Encoder& encoder, const Encoder& other);

}  // namespace uncurl::eval
