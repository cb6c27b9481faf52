// What a model says must be numbers. Where it is not, the text, the layer and the token are named: weights that are
// finite each may still overflow together.
#pragma once

#include <functional>
#include <string>

#include "uncurl/model/rows.h"

namespace uncurl::eval {

using at::Tensor;

/// How the text of a row is called.
using NameOfRow = std::function<std::string(std::int64_t row)>;

/// @param hidden_ND  of the rows, after `layer`
/// @throws Error naming text, layer and token if one is NaN or infinite
void check_hidden(const Tensor& hidden_ND, const model::PackedRows& rows, std::int64_t layer, const NameOfRow& name);

/// @param text   what was said about, @param what  e.g. "the log-likelihood of token 3"
/// @param dtype  that was computed in, for the way out
/// @throws Error
[[noreturn]] void fail_not_finite(const std::string& text, const std::string& what, at::ScalarType dtype);

}  // namespace uncurl::eval
