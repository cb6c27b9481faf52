// Permutation: a bijection that is checked once, when it is made.
#include <cstddef>
#include <numeric>
#include <utility>

#include "uncurl/base/error.h"
#include "uncurl/math/assignment.h"

namespace uncurl::math {

Permutation::Permutation(std::vector<int> rows) : rows_(std::move(rows)) {
  std::vector<bool> taken(rows_.size(), false);
  for (std::size_t a = 0; a < rows_.size(); ++a) {
    const int row = rows_[a];
    check(row >= 0 && row < size(), "permutation of ", size(), " rows: entry ", a, " is ", row, ", expected 0 to ",
          size() - 1);
    check(!taken[static_cast<std::size_t>(row)], "permutation of ", size(), " rows: row ", row,
          " is taken twice, the second time by entry ", a);
    taken[static_cast<std::size_t>(row)] = true;
  }
}

Permutation Permutation::identity(int n) {
  std::vector<int> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return Permutation(std::move(rows));
}

bool Permutation::is_identity() const {
  for (int a = 0; a < size(); ++a) {
    if ((*this)[a] != a) return false;
  }
  return true;
}

Permutation Permutation::inverse() const {
  std::vector<int> rows(rows_.size());
  for (int a = 0; a < size(); ++a) rows[static_cast<std::size_t>((*this)[a])] = a;
  return Permutation(std::move(rows));
}

}  // namespace uncurl::math
