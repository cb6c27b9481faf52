#include "uncurl/kernels/attention_gradients.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <memory>

#include "uncurl/kernels/brgemm.h"
#include "uncurl/kernels/cpu_level.h"
#include "uncurl/kernels/parallel_tasks.h"
#include "uncurl/kernels/transpose.h"
#include "uncurl/kernels/vector_exp.h"

namespace uncurl::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

constexpr std::int64_t kQueries = 64;  // in a block, the columns of the scores; short blocks are filled with zeros
constexpr std::int64_t kKeys = 256;    // in a block, the rows: two blocks of scores are 128 KB

std::size_t at_index(std::int64_t i) { return static_cast<std::size_t>(i); }
std::int64_t blocks_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

/// scores[j][i] of key j and query i become exp(scale * score - log_sum[i]), or zero where query i does not see key j:
/// where i < j + offset (the key is ahead), or i >= j + offset + window.
/// @param offset  of the first key from the first query
void to_weights_(float* scores, std::int64_t num_keys, const float* log_sums, float scale, std::int64_t offset,
                 std::int64_t window) {
  for (std::int64_t j = 0; j < num_keys; ++j, scores += kQueries) {
    const auto first = static_cast<int>(std::clamp<std::int64_t>(j + offset, 0, kQueries));
    const auto end = static_cast<int>(std::clamp<std::int64_t>(j + offset + window, 0, kQueries));
#pragma omp simd
    for (int i = 0; i < static_cast<int>(kQueries); ++i) {
      const float weight = exp_of_negative(scale * scores[i] - log_sums[i]);
      scores[i] = i >= first && i < end ? weight : 0.0f;
    }
  }
}

/// By each score, from those by each weight.
void to_score_gradients_(float* gradients, const float* weights, std::int64_t num_keys, const float* dots) {
  for (std::int64_t j = 0; j < num_keys; ++j, gradients += kQueries, weights += kQueries) {
#pragma omp simd
    for (std::int64_t i = 0; i < kQueries; ++i) gradients[i] = weights[i] * (gradients[i] - dots[i]);
  }
}

float dot_of(const float* a, const float* b, std::int64_t n) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (std::int64_t i = 0; i < n; ++i) dot += a[i] * b[i];
  return dot;
}

void scaled_to(float* to, const float* from, float scale, std::int64_t n) {
#pragma omp simd
  for (std::int64_t i = 0; i < n; ++i) to[i] = scale * from[i];
}

/// One call, as the threads see it.
struct Problem {
  const float *q, *k, *v, *out, *dout, *log_sums;
  float *dq, *dk, *dv;
  std::int64_t heads, kv_heads, head_dim;
  float scale;
  std::int64_t window;  ///< never 0
  const std::vector<std::int64_t>& begins;

  std::int64_t of_query(std::int64_t token, std::int64_t head) const { return (token * heads + head) * head_dim; }
  std::int64_t of_key(std::int64_t token, std::int64_t head) const { return (token * kv_heads + head) * head_dim; }
};

/// A row's key head: its keys and values, as many as fill whole blocks of kQueries, and their gradients.
class KeyHead {
 public:
  KeyHead(const Problem& problem, std::int64_t first, std::int64_t count, std::int64_t head)
      : p_(problem), first_(first), count_(count), head_(head), rows_(blocks_of(count, kQueries) * kQueries) {
    keys_ = whole_blocks(p_.k, filled_keys_);
    values_ = whole_blocks(p_.v, filled_values_);
    stride_ = is_filled() ? p_.head_dim : p_.kv_heads * p_.head_dim;
    const auto size = at_index(rows_ * p_.head_dim);
    key_gradients_.resize(size);
    value_gradients_.resize(size);
    turned_.resize(at_index(blocks_of(rows_, kKeys) * kKeys * p_.head_dim));
    for (std::int64_t j = 0; j < rows_; j += kKeys) {
      transpose(turned_.data() + j * p_.head_dim, kKeys, keys(j), stride_, std::min(kKeys, rows_ - j), p_.head_dim);
    }
  }
  KeyHead(const KeyHead&) = delete;
  KeyHead& operator=(const KeyHead&) = delete;

  std::int64_t rows() const { return rows_; }
  const float* keys(std::int64_t j) const { return keys_ + j * stride_; }
  const float* values(std::int64_t j) const { return values_ + j * stride_; }
  /// From a key to the next, and from a value.
  std::int64_t stride() const { return stride_; }
  /// Of the block that begins with key j: [head_dim,kKeys].
  const float* turned_keys(std::int64_t j) const { return turned_.data() + j * p_.head_dim; }
  float* key_gradients(std::int64_t j) { return key_gradients_.data() + j * p_.head_dim; }
  float* value_gradients(std::int64_t j) { return value_gradients_.data() + j * p_.head_dim; }

  void write() const {
    for (std::int64_t j = 0; j < count_; ++j) {
      const std::int64_t to = p_.of_key(first_ + j, head_), from = j * p_.head_dim;
      vectorized<scaled_to>(p_.dk + to, key_gradients_.data() + from, p_.scale, p_.head_dim);
      std::copy_n(value_gradients_.data() + from, p_.head_dim, p_.dv + to);
    }
  }

 private:
  bool is_filled() const { return count_ < rows_; }

  /// The rows where they lie, or in a copy with zeros after them where they do not fill the last block.
  const float* whole_blocks(const float* all, std::vector<float>& copy) const {
    if (!is_filled()) return all + p_.of_key(first_, head_);
    copy.resize(at_index(rows_ * p_.head_dim));
    for (std::int64_t j = 0; j < count_; ++j) {
      std::copy_n(all + p_.of_key(first_ + j, head_), p_.head_dim, copy.data() + j * p_.head_dim);
    }
    return copy.data();
  }

  const Problem& p_;
  std::int64_t first_, count_, head_, rows_;
  std::vector<float> filled_keys_, filled_values_;
  const float *keys_, *values_;
  std::int64_t stride_;
  std::vector<float> key_gradients_, value_gradients_, turned_;
};

/// What a thread works with, for a block of queries of one head.
class Worker {
 public:
  explicit Worker(const Problem& problem)
      : p_(problem),
        queries_(at_index(kQueries * p_.head_dim)),
        turned_queries_(queries_.size()),
        out_gradients_(queries_.size()),
        turned_out_gradients_(queries_.size()),
        query_gradients_(queries_.size()),
        turned_query_gradients_(queries_.size()),
        log_sums_(at_index(kQueries)),
        dots_(log_sums_.size()),
        weights_(at_index(kKeys * kQueries)),
        score_gradients_(weights_.size()) {}
  ~Worker() { release_brgemm(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// All that the key head of a row gets and all that its queries get.
  void run(std::int64_t row, std::int64_t kv_head) {
    const std::int64_t first = p_.begins[at_index(row)], count = p_.begins[at_index(row + 1)] - first;
    const std::int64_t group = p_.heads / p_.kv_heads;
    KeyHead keys(p_, first, count, kv_head);
    for (std::int64_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
      for (std::int64_t i = 0; i < count; i += kQueries) {
        const std::int64_t in_block = std::min(kQueries, count - i);
        load(first + i, in_block, head);
        for (std::int64_t j = 0; j < std::min(i + kQueries, keys.rows()); j += kKeys) add(i, j, keys);
        write(first + i, in_block, head);
      }
    }
    keys.write();
  }

 private:
  void load(std::int64_t token, std::int64_t count, std::int64_t head) {
    const std::int64_t width = p_.head_dim;
    std::fill(queries_.begin() + count * width, queries_.end(), 0.0f);
    std::fill(out_gradients_.begin() + count * width, out_gradients_.end(), 0.0f);
    std::fill(turned_query_gradients_.begin(), turned_query_gradients_.end(), 0.0f);
    std::fill(log_sums_.begin() + count, log_sums_.end(), 0.0f);
    std::fill(dots_.begin() + count, dots_.end(), 0.0f);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t from = p_.of_query(token + i, head);
      std::copy_n(p_.q + from, width, queries_.data() + i * width);
      std::copy_n(p_.dout + from, width, out_gradients_.data() + i * width);
      log_sums_[at_index(i)] = p_.log_sums[(token + i) * p_.heads + head];
      dots_[at_index(i)] = vectorized<dot_of>(p_.dout + from, p_.out + from, width);
    }
    transpose(turned_queries_.data(), kQueries, queries_.data(), width, kQueries, width);
    transpose(turned_out_gradients_.data(), kQueries, out_gradients_.data(), width, kQueries, width);
  }

  /// The block of queries that begins with i and that of keys that begins with j, both counted in the row.
  void add(std::int64_t i, std::int64_t j, KeyHead& keys) {
    const std::int64_t n = std::min(kKeys, std::min(i + kQueries, keys.rows()) - j), width = p_.head_dim;
    if (j + n + p_.window <= i + 1) return;  // the window has passed all of them
    const ProductShape scores{n, kQueries, width, keys.stride(), kQueries, kQueries};
    const ProductShape by_keys{n, width, kQueries, kQueries, width, width};
    const ProductShape by_queries{width, kQueries, n, kKeys, kQueries, kQueries};
    brgemm(scores, keys.keys(j), turned_queries_.data(), weights_.data(), /*add=*/false);
    vectorized<to_weights_>(weights_.data(), n, log_sums_.data(), p_.scale, j - i, p_.window);
    brgemm(by_keys, weights_.data(), out_gradients_.data(), keys.value_gradients(j), /*add=*/true);
    brgemm(scores, keys.values(j), turned_out_gradients_.data(), score_gradients_.data(), /*add=*/false);
    vectorized<to_score_gradients_>(score_gradients_.data(), weights_.data(), n, dots_.data());
    brgemm(by_keys, score_gradients_.data(), queries_.data(), keys.key_gradients(j), /*add=*/true);
    brgemm(by_queries, keys.turned_keys(j), score_gradients_.data(), turned_query_gradients_.data(), /*add=*/true);
  }

  void write(std::int64_t token, std::int64_t count, std::int64_t head) {
    const std::int64_t width = p_.head_dim;
    transpose(query_gradients_.data(), width, turned_query_gradients_.data(), kQueries, width, kQueries);
    for (std::int64_t i = 0; i < count; ++i) {
      vectorized<scaled_to>(p_.dq + p_.of_query(token + i, head), query_gradients_.data() + i * width, p_.scale, width);
    }
  }

  const Problem& p_;
  std::vector<float> queries_, turned_queries_;                  ///< [kQueries,head_dim] and its transpose
  std::vector<float> out_gradients_, turned_out_gradients_;      ///< likewise, of the result
  std::vector<float> query_gradients_, turned_query_gradients_;  ///< likewise, of the queries
  std::vector<float> log_sums_, dots_;                           ///< [kQueries]; dots of the result and its gradient
  std::vector<float> weights_, score_gradients_;                 ///< [kKeys,kQueries]
};

struct Gradients {
  Tensor q_NHd, k_NHd, v_NHd;
};

/// All in f32 and contiguous.
Gradients backward_of(const Tensor& dout, const Tensor& q, const Tensor& k, const Tensor& v, const Attended& attended,
                      const std::vector<std::int64_t>& begins, double scale, std::int64_t window) {
  Gradients result{at::empty_like(q), at::empty_like(k), at::empty_like(v)};
  const Problem problem{.q = q.const_data_ptr<float>(),
                        .k = k.const_data_ptr<float>(),
                        .v = v.const_data_ptr<float>(),
                        .out = attended.out_NHd.const_data_ptr<float>(),
                        .dout = dout.const_data_ptr<float>(),
                        .log_sums = attended.log_sums_NH.const_data_ptr<float>(),
                        .dq = result.q_NHd.mutable_data_ptr<float>(),
                        .dk = result.k_NHd.mutable_data_ptr<float>(),
                        .dv = result.v_NHd.mutable_data_ptr<float>(),
                        .heads = q.size(1),
                        .kv_heads = k.size(1),
                        .head_dim = q.size(2),
                        .scale = static_cast<float>(scale),
                        .window = window > 0 ? window : begins.back(),
                        .begins = begins};
  const auto kv_heads = at_index(k.size(1));
  run_tasks((begins.size() - 1) * kv_heads, [&] {
    return [&, worker = std::make_unique<Worker>(problem)](std::size_t i) {
      worker->run(static_cast<std::int64_t>(i / kv_heads), static_cast<std::int64_t>(i % kv_heads));
    };
  });
  return result;
}

struct Attention : Function<Attention> {
  static Tensor forward(AutogradContext* context, const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                        const std::vector<std::int64_t>& begins, double scale, std::int64_t window) {
    const Attended attended = causal_attention(q_NHd, k_NHd, v_NHd, begins, scale, window);
    context->save_for_backward({q_NHd, k_NHd, v_NHd, attended.out_NHd});
    context->saved_data["log_sums"] = attended.log_sums_NH;
    context->saved_data["begins"] = begins;
    context->saved_data["scale"] = scale;
    context->saved_data["window"] = window;
    return attended.out_NHd;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const auto f32 = [](const Tensor& tensor) { return tensor.to(at::kFloat).contiguous(); };
    const Attended attended{f32(saved[3]), context->saved_data["log_sums"].toTensor()};
    const Gradients by = backward_of(f32(gradients[0]), f32(saved[0]), f32(saved[1]), f32(saved[2]), attended,
                                     context->saved_data["begins"].toIntVector(),
                                     context->saved_data["scale"].toDouble(), context->saved_data["window"].toInt());
    const at::ScalarType dtype = saved[0].scalar_type();
    return {by.q_NHd.to(dtype), by.k_NHd.to(dtype), by.v_NHd.to(dtype), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor differentiable_attention(const Tensor& q_NHd, const Tensor& k_NHd, const Tensor& v_NHd,
                                const std::vector<std::int64_t>& begins, double scale, std::int64_t window) {
  return Attention::apply(q_NHd.contiguous(), k_NHd.contiguous(), v_NHd.contiguous(), begins, scale, window);
}

}  // namespace uncurl::kernels
