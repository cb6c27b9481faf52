#include "uncurl/cluster/matrix.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace uncurl::cluster {

Matrix matrix_of(const at::Tensor& tensor) {
  const at::Tensor contiguous = tensor.to(at::kCPU, at::kDouble).contiguous();
  Matrix matrix(static_cast<int>(tensor.size(0)), static_cast<int>(tensor.size(1)));
  std::copy_n(contiguous.const_data_ptr<double>(), matrix.values.size(), matrix.values.begin());
  return matrix;
}

Matrix transposed(const Matrix& matrix) {
  Matrix result(matrix.columns, matrix.rows);
  for (int row = 0; row < matrix.rows; ++row) {
    for (int column = 0; column < matrix.columns; ++column) result[column][row] = matrix[row][column];
  }
  return result;
}

// The inner loop runs over centres, so that it needs no sum across lanes.
Matrix squared_distances(const Matrix& points, const Matrix& centers) {
  Matrix distances(points.rows, centers.columns);
  for (int item = 0; item < points.rows; ++item) {
    double* const row = distances[item];
    for (int p = 0; p < points.columns; ++p) {
      const double coordinate = points[item][p];
      const double* const center = centers[p];
      for (int group = 0; group < centers.columns; ++group) {
        const double difference = coordinate - center[group];
        row[group] += difference * difference;
      }
    }
  }
  return distances;
}

}  // namespace uncurl::cluster
