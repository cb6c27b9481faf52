// Texts whose last tokens are judged, packed so that what several texts begin with is run once: the choices of a
// question, and all questions on one passage.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "uncurl/model/rows.h"

namespace uncurl::eval {

using at::Tensor;

/// A text of which the tokens from `first_scored` (at least 1) on are judged, each given those before it.
struct Request {
  std::vector<std::int32_t> ids;
  std::int64_t first_scored = 1;
  std::string name = {};  ///< in errors: "boolq: val.jsonl:17"

  std::int64_t num_scored() const { return static_cast<std::int64_t>(ids.size()) - first_scored; }
};

/// Requests as rows of the model, and where their judged tokens are predicted. Q judged tokens, in the order of the
/// requests; P tokens of the rows whose next token is judged (P <= Q: choices of one token share theirs).
struct PackedRequests {
  model::PackedRows rows;
  Tensor positions_P;                       ///< int64, ascending: tokens of `rows`
  Tensor position_Q;                        ///< int64: which of the P predicts a judged token
  Tensor targets_Q;                         ///< int64: the judged tokens
  std::vector<std::int64_t> begins;         ///< request r judges tokens begins[r] .. begins[r+1]-1 of the Q
  std::vector<std::string> names;           ///< of the requests
  std::vector<std::size_t> request_of_row;  ///< whose text the row holds, of the `rows`

  std::int64_t num_requests() const { return static_cast<std::int64_t>(begins.size()) - 1; }
  std::int64_t num_scored() const { return begins.back(); }
};

/// The last token of a text is never run: nothing follows it. In lexicographic order, a text continues the row of an
/// earlier one if they share half of it and at least 16 tokens.
/// @throws Error if a request judges nothing, or its first token
PackedRequests pack_requests(const std::vector<Request>& requests);

}  // namespace uncurl::eval
