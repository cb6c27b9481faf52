#include "uncurl/eval/requests.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <span>

#include "uncurl/base/error.h"

namespace uncurl::eval {
namespace {

constexpr std::int64_t kLeastShared = 16;    // tokens; below, continuing a row costs more than it saves
constexpr std::int64_t kGroupTokens = 4096;  // of a row and those that continue it: they must run together

using Ids = std::span<const std::int32_t>;

Ids input_of(const Request& request) { return Ids(request.ids).first(request.ids.size() - 1); }

std::int64_t shared_length(Ids a, Ids b) {
  return std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
}

/// Where a text lies: its first `shared` tokens at `prefix_begin`, the others at `own_begin`.
struct Place {
  std::int64_t prefix_begin = 0, shared = 0, own_begin = 0;

  std::int64_t token(std::int64_t index) const {
    return index < shared ? prefix_begin + index : own_begin + index - shared;
  }
};

/// Puts texts one after another, the shared beginning of neighbours once.
class Packer {
 public:
  Place add(Ids ids, std::size_t request) {
    const auto length = static_cast<std::int64_t>(ids.size());
    const std::int64_t shared = shared_length(ids, root_);
    const std::int64_t end = rows_.begins.back();
    const bool continues = shared >= kLeastShared && 2 * shared >= length && end - root_begin_ < kGroupTokens;
    if (!continues) {
      root_ = ids;
      root_begin_ = end;
      root_row_ = rows_.num_rows();
    }
    const std::int64_t prefix = continues ? shared : 0;
    if (prefix < length) {
      append(ids.subspan(static_cast<std::size_t>(prefix)), {continues ? root_row_ : -1, prefix});
      request_of_row_.push_back(request);
    }
    return {root_begin_, prefix, end};
  }

  void finish(PackedRequests& packed) {
    rows_.ids_N = at::tensor(ids_, at::kLong);
    packed.rows = std::move(rows_);
    packed.request_of_row = std::move(request_of_row_);
  }

 private:
  void append(Ids ids, model::Prefix prefix) {
    ids_.insert(ids_.end(), ids.begin(), ids.end());
    rows_.begins.push_back(static_cast<std::int64_t>(ids_.size()));
    rows_.prefixes.push_back(prefix);
  }

  std::vector<std::int64_t> ids_;
  std::vector<std::size_t> request_of_row_;
  model::PackedRows rows_{{}, {0}, {}};
  Ids root_;
  std::int64_t root_begin_ = 0, root_row_ = -1;
};

std::vector<std::size_t> lexicographic_order(const std::vector<Request>& requests) {
  std::vector<std::size_t> order(requests.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const Ids x = input_of(requests[a]), y = input_of(requests[b]);
    return std::lexicographical_compare(x.begin(), x.end(), y.begin(), y.end());
  });
  return order;
}

/// @param tokens_Q  the token of the rows that predicts each judged token
void set_positions(PackedRequests& packed, const std::vector<std::int64_t>& tokens_Q) {
  std::vector<std::int64_t> positions = tokens_Q;
  std::sort(positions.begin(), positions.end());
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  std::vector<std::int64_t> position_of;
  for (const std::int64_t token : tokens_Q) {
    position_of.push_back(std::lower_bound(positions.begin(), positions.end(), token) - positions.begin());
  }
  packed.positions_P = at::tensor(positions, at::kLong);
  packed.position_Q = at::tensor(position_of, at::kLong);
}

}  // namespace

PackedRequests pack_requests(const std::vector<Request>& requests) {
  for (std::size_t r = 0; r < requests.size(); ++r) {
    check(requests[r].first_scored >= 1 && requests[r].num_scored() >= 1, "request ", r, " judges the tokens from ",
          requests[r].first_scored, " on of ", requests[r].ids.size(), ", expected at least one after the first");
  }
  std::vector<Place> places(requests.size());
  Packer packer;
  for (const std::size_t r : lexicographic_order(requests)) places[r] = packer.add(input_of(requests[r]), r);
  PackedRequests packed;
  packer.finish(packed);
  std::vector<std::int64_t> tokens, targets;
  packed.begins = {0};
  for (std::size_t r = 0; r < requests.size(); ++r) {
    for (std::size_t i = static_cast<std::size_t>(requests[r].first_scored); i < requests[r].ids.size(); ++i) {
      tokens.push_back(places[r].token(static_cast<std::int64_t>(i) - 1));
      targets.push_back(requests[r].ids[i]);
    }
    packed.begins.push_back(static_cast<std::int64_t>(targets.size()));
    packed.names.push_back(requests[r].name);
  }
  set_positions(packed, tokens);
  packed.targets_Q = at::tensor(targets, at::kLong);
  return packed;
}

}  // namespace uncurl::eval
