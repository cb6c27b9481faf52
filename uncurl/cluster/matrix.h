// Row-major numbers, once out of the tensor world: what the clusterings compute on, in plain loops of one order.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

namespace uncurl::cluster {

struct Matrix {
  int rows = 0, columns = 0;
  std::vector<double> values;

  Matrix(int num_rows, int num_columns)
      : rows(num_rows),
        columns(num_columns),
        values(static_cast<std::size_t>(num_rows) * static_cast<std::size_t>(num_columns), 0.0) {}
  double* operator[](int row) { return values.data() + static_cast<std::ptrdiff_t>(row) * columns; }
  const double* operator[](int row) const { return values.data() + static_cast<std::ptrdiff_t>(row) * columns; }
};

/// @param tensor  [rows, columns] of any dtype
Matrix matrix_of(const at::Tensor& tensor);

Matrix transposed(const Matrix& matrix);

/// [E,G] squared Euclidean distances of points [E,P] from centres [P,G].
Matrix squared_distances(const Matrix& points, const Matrix& centers);

}  // namespace uncurl::cluster
