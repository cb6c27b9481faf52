#include "uncurl/tensor/shape.h"

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"

namespace uncurl {

void expect_shape(const Tensor& tensor, const std::vector<std::int64_t>& expected, const std::string& what) {
  check(tensor.defined(), what, " is missing, expected ", shape_text(expected));
  check(tensor.sizes() == at::IntArrayRef(expected), what, " is ", shape_text(tensor.sizes()), ", expected ",
        shape_text(expected));
}

std::string shape_text(at::IntArrayRef sizes) {
  std::vector<std::string> parts;
  for (const std::int64_t size : sizes) parts.push_back(std::to_string(size));
  return concat("[", join(parts), "]");
}

std::string shape_text(const std::vector<std::int64_t>& sizes) { return shape_text(at::IntArrayRef(sizes)); }

}  // namespace uncurl
