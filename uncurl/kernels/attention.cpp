#include "uncurl/kernels/attention.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <memory>
#include <type_traits>

#include "uncurl/kernels/bf16.h"
#include "uncurl/kernels/brgemm.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/running_softmax.h"
#include "uncurl/kernels/transpose.h"

namespace uncurl::kernels {
namespace {

constexpr std::int64_t kQueries = 64;  // in a block
constexpr std::int64_t kKeys = 512;    // in a block: the scores of both are 128 KB

std::int64_t rounded_up(std::int64_t n, std::int64_t step) { return (n + step - 1) / step * step; }

// oneDNN builds and keeps code for every size it meets, so sizes are few: what is added is computed and thrown away.
std::int64_t padded_queries(std::int64_t n) { return rounded_up(n, 16); }
std::int64_t padded_keys(std::int64_t n) { return n <= 64 ? rounded_up(n, 32) : rounded_up(n, 128); }

std::size_t at_index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Tokens [first, first + count) of a row.
struct QueryBlock {
  std::int64_t row, first, count;
};

/// The same of keys, with what brgemm wants of them at `place` (times what a key takes) in the packed ones.
struct KeyBlock {
  std::int64_t first, count, place;
  std::int64_t width() const { return padded_keys(count); }
};

struct Blocks {
  std::vector<QueryBlock> queries;  ///< the longest work first, so that the last to finish is short
  std::vector<KeyBlock> keys;
  std::vector<std::int64_t> keys_of_row;  ///< row r has key blocks [keys_of_row[r], keys_of_row[r+1])
  std::int64_t packed_keys = 0;
};

Blocks make_blocks(const std::vector<std::int64_t>& begins) {
  Blocks blocks{.keys_of_row = {0}};
  for (std::size_t r = 0; r + 1 < begins.size(); ++r) {
    const std::int64_t row_end = begins[r + 1];
    for (std::int64_t t = begins[r]; t < row_end; t += kQueries) {
      blocks.queries.push_back({static_cast<std::int64_t>(r), t, std::min(kQueries, row_end - t)});
    }
    for (std::int64_t t = begins[r]; t < row_end; t += kKeys) {
      blocks.keys.push_back({t, std::min(kKeys, row_end - t), blocks.packed_keys});
      blocks.packed_keys += blocks.keys.back().width();
    }
    blocks.keys_of_row.push_back(static_cast<std::int64_t>(blocks.keys.size()));
  }
  std::stable_sort(blocks.queries.begin(), blocks.queries.end(), [&](const QueryBlock& a, const QueryBlock& b) {
    return a.first - begins[at_index(a.row)] > b.first - begins[at_index(b.row)];
  });
  return blocks;
}

/// One call, as the threads see it.
template <class Scalar>
struct Problem {
  const Scalar *q, *k, *v;
  Scalar* out;
  float* log_sums;
  Scalar *keys, *values;  ///< packed: [head_dim,width] and [width,head_dim] of each block and key head
  std::int64_t heads, kv_heads, head_dim;
  std::int64_t depth;  ///< head_dim, made even
  float scale;
  std::int64_t window;  ///< 0: none

  static constexpr at::ScalarType kDtype = c10::CppTypeToScalarType<Scalar>::value;

  Scalar* keys_of(const KeyBlock& block, std::int64_t kv_head) const {
    return keys + (block.place * kv_heads + kv_head * block.width()) * depth;
  }
  Scalar* values_of(const KeyBlock& block, std::int64_t kv_head) const {
    return values + (block.place * kv_heads + kv_head * block.width()) * head_dim;
  }
};

template <class Scalar>
void pack(const Problem<Scalar>& p, const KeyBlock& block, std::int64_t kv_head) {
  Scalar* const keys = p.keys_of(block, kv_head);
  Scalar* const values = p.values_of(block, kv_head);
  const std::int64_t stride = p.kv_heads * p.head_dim, first = block.first * stride + kv_head * p.head_dim;
  if constexpr (std::is_same_v<Scalar, float>) {
    transpose(keys, block.width(), p.k + first, stride, block.count, p.head_dim);
    for (std::int64_t j = 0; j < block.count; ++j) {
      std::copy_n(p.v + first + j * stride, p.head_dim, values + j * p.head_dim);
    }
  } else {
    for (std::int64_t j = 0; j < block.count; ++j) {
      const std::int64_t from = first + j * stride;
      for (std::int64_t d = 0; d < p.head_dim; ++d) {
        keys[place_in_factor(d, j, block.width(), Problem<Scalar>::kDtype)] = p.k[from + d];
        values[place_in_factor(j, d, p.head_dim, Problem<Scalar>::kDtype)] = p.v[from + d];
      }
    }
  }
}

/// What a thread works with, for a block of queries of one head.
template <class Scalar>
class Worker {
 public:
  explicit Worker(const Problem<Scalar>& problem)
      : p_(problem),
        queries_(at_index(kQueries * problem.depth)),
        scores_(at_index(kQueries * kKeys)),
        weights_(std::is_same_v<Scalar, float> ? 0 : scores_.size()),
        sums_(at_index(kQueries * problem.head_dim)),
        softmax_(at_index(kQueries)) {}
  ~Worker() { release_brgemm(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void attend(const QueryBlock& queries, std::int64_t head, const Blocks& blocks) {
    start(queries, head);
    const std::int64_t end = queries.first + queries.count;
    const std::int64_t kv_head = head * p_.kv_heads / p_.heads;
    for (std::int64_t b = blocks.keys_of_row[at_index(queries.row)]; b < blocks.keys_of_row[at_index(queries.row + 1)];
         ++b) {
      const KeyBlock& keys = blocks.keys[at_index(b)];
      const bool passed = p_.window > 0 && keys.first + keys.count <= queries.first - p_.window + 1;
      if (keys.first < end && !passed) add(queries, keys, kv_head);
    }
    finish(queries, head);
  }

 private:
  void start(const QueryBlock& queries, std::int64_t head) {
    for (std::int64_t i = 0; i < queries.count; ++i) {
      const Scalar* const from = p_.q + ((queries.first + i) * p_.heads + head) * p_.head_dim;
      std::copy(from, from + p_.head_dim, queries_.data() + i * p_.depth);
    }
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    std::fill(softmax_.begin(), softmax_.end(), RunningSoftmax());
  }

  void add(const QueryBlock& queries, const KeyBlock& keys, std::int64_t kv_head) {
    const std::int64_t m = padded_queries(queries.count);
    const std::int64_t n = padded_keys(std::min(keys.count, queries.first + queries.count - keys.first));
    brgemm({m, n, p_.depth, p_.depth, keys.width(), kKeys}, queries_.data(), p_.keys_of(keys, kv_head), scores_.data(),
           /*add=*/false);
    for (std::int64_t i = 0; i < queries.count; ++i) weigh(i, queries.first + i, keys, n);
    brgemm({m, p_.head_dim, n, kKeys, p_.head_dim, p_.head_dim}, weights(), p_.values_of(keys, kv_head), sums_.data(),
           /*add=*/true);
  }

  /// Scores of query i, token `at`, become weights: zero for the keys that it does not see.
  void weigh(std::int64_t i, std::int64_t at, const KeyBlock& keys, std::int64_t n) {
    float* const scores = scores_.data() + i * kKeys;
    const std::int64_t last = std::clamp(at + 1 - keys.first, std::int64_t{0}, keys.count);
    const std::int64_t first = p_.window > 0 ? std::clamp(at - p_.window + 1 - keys.first, std::int64_t{0}, last) : 0;
    std::fill(scores, scores + first, 0.0f);
    std::fill(scores + last, scores + n, 0.0f);
    if (first < last) {
      const float factor = softmax_[at_index(i)].add_(scores + first, last - first, p_.scale);
      float* const sum = sums_.data() + i * p_.head_dim;
      if (factor != 1.0f) std::transform(sum, sum + p_.head_dim, sum, [&](float x) { return x * factor; });
    }
    if constexpr (!std::is_same_v<Scalar, float>) round_to_bf16(weights_.data() + i * kKeys, scores, n);
  }

  const Scalar* weights() const {
    if constexpr (std::is_same_v<Scalar, float>)
      return scores_.data();
    else
      return weights_.data();
  }

  void finish(const QueryBlock& queries, std::int64_t head) {
    for (std::int64_t i = 0; i < queries.count; ++i) {
      const float* const sum = sums_.data() + i * p_.head_dim;
      Scalar* const to = p_.out + ((queries.first + i) * p_.heads + head) * p_.head_dim;
      const RunningSoftmax& softmax = softmax_[at_index(i)];
      for (std::int64_t d = 0; d < p_.head_dim; ++d) to[d] = Scalar(sum[d] / softmax.sum);
      p_.log_sums[(queries.first + i) * p_.heads + head] = softmax.maximum + std::log(softmax.sum);
    }
  }

  const Problem<Scalar>& p_;
  std::vector<Scalar> queries_;  ///< [kQueries,depth]
  std::vector<float> scores_;    ///< [kQueries,kKeys], then the weights
  std::vector<Scalar> weights_;  ///< the same, rounded; empty in fp32
  std::vector<float> sums_;      ///< [kQueries,head_dim] of weighted values
  std::vector<RunningSoftmax> softmax_;
};

template <class Scalar>
void run(const Problem<Scalar>& problem, const Blocks& blocks) {
  const auto kv_heads = at_index(problem.kv_heads), heads = at_index(problem.heads);
  run_tasks(blocks.keys.size() * kv_heads, [&] {
    return [&](std::size_t i) { pack(problem, blocks.keys[i / kv_heads], static_cast<std::int64_t>(i % kv_heads)); };
  });
  run_tasks(blocks.queries.size() * heads, [&] {
    return [&, worker = std::make_unique<Worker<Scalar>>(problem)](std::size_t i) {
      worker->attend(blocks.queries[i / heads], static_cast<std::int64_t>(i % heads), blocks);
    };
  });
}

template <class Scalar>
Attended attend(const Tensor& q, const Tensor& k, const Tensor& v, const std::vector<std::int64_t>& begins,
                double scale, std::int64_t window) {
  const Blocks blocks = make_blocks(begins);
  const std::int64_t kv_heads = k.size(1), head_dim = q.size(2), depth = rounded_up(head_dim, 2);
  Attended result{at::empty(q.sizes(), q.options()), at::empty({q.size(0), q.size(1)}, q.options().dtype(at::kFloat))};
  Tensor keys = at::empty({blocks.packed_keys * kv_heads * depth}, q.options());
  Tensor values = at::empty({blocks.packed_keys * kv_heads * head_dim}, q.options());
  if (blocks.packed_keys > begins.back() || depth > head_dim) {  // not all of it is packed
    keys.zero_();
    values.zero_();
  }
  run(Problem<Scalar>{q.const_data_ptr<Scalar>(), k.const_data_ptr<Scalar>(), v.const_data_ptr<Scalar>(),
                      result.out_NHd.data_ptr<Scalar>(), result.log_sums_NH.data_ptr<float>(), keys.data_ptr<Scalar>(),
                      values.data_ptr<Scalar>(), q.size(1), kv_heads, head_dim, depth, static_cast<float>(scale),
                      window},
      blocks);
  return result;
}

}  // namespace

bool has_causal_attention(at::ScalarType dtype) { return has_brgemm(dtype); }

Attended causal_attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                          const std::vector<std::int64_t>& begins, double scale, std::int64_t window) {
  assert(begins.front() == 0 && begins.back() == q_NHd.size(0));  // or tokens would be left as memory had them
  const Tensor q = q_NHd.contiguous(), k = k_NHd.contiguous(), v = v_NHd.contiguous();
  return q.scalar_type() == at::kBFloat16 ? attend<at::BFloat16>(q, k, v, begins, scale, window)
                                          : attend<float>(q, k, v, begins, scale, window);
}

}  // namespace uncurl::kernels
