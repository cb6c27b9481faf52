// Which neuron of one expert corresponds to which neuron of another: the linear assignment problem, solved exactly.
// Jonker and Volgenant 1987, "A shortest augmenting path algorithm for dense and sparse linear assignment problems".
// One thread and no global state, so that callers can align many experts in parallel.
#pragma once

#include <span>
#include <vector>

namespace uncurl::math {

/// Row a of the anchor takes row p[a] of the other expert. Always a bijection on 0..size()-1.
class Permutation {
 public:
  /// @throws Error if `rows` is not a bijection on 0..rows.size()-1 (names the first offender)
  explicit Permutation(std::vector<int> rows);
  static Permutation identity(int n);

  int size() const { return static_cast<int>(rows_.size()); }
  int operator[](int a) const { return rows_[static_cast<std::size_t>(a)]; }
  std::span<const int> rows() const { return rows_; }
  bool is_identity() const;

  /// The permutation q with q[p[a]] = a: takes the other expert's order back to its own.
  Permutation inverse() const;

  bool operator==(const Permutation&) const = default;

 private:
  std::vector<int> rows_;
};

/// The permutation p that maximises sum_a score[a, p[a]].
/// Exact up to the rounding of fp64 sums; where the identity reaches the optimum, the identity is returned, and any
/// other tie is broken the same way on every run.
/// @param score  row-major [n,n]; rows are the anchor's neurons, columns the other's
/// @throws Error if score does not have n*n values, or has one that is not finite (names its row and column)
/// Cost O(n^3) at worst and close to O(n^2) where each row has a clear partner; O(n) memory beside the input.
[[nodiscard]] Permutation maximize_assignment(std::span<const float> score, int n);

/// sum_a score[a, p[a]] in fp64, for score [n,n] row-major with n = p.size().
/// @throws Error if score does not have n*n values
double assignment_score(std::span<const float> score, const Permutation& p);

}  // namespace uncurl::math
