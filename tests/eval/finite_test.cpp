#include "uncurl/eval/finite.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <limits>

#include "tests/support/error_of.h"
#include "uncurl/base/error.h"

namespace uncurl::eval {
namespace {

// Rows of 3, 2 and 2 tokens; the second continues the first after its 2nd token.
const model::PackedRows kRows{at::arange(7, at::kLong), {0, 3, 5, 7}, {{}, {0, 2}, {}}};

void check_rows(const at::Tensor& hidden_ND) {
  check_hidden(hidden_ND, kRows, 3, [](std::int64_t row) { return concat("text ", row); });
}

std::string refusal(const at::Tensor& hidden_ND) {
  return test::error_of([&] { check_rows(hidden_ND); });
}

TEST(Finite, NamesTextLayerAndToken) {
  at::Tensor hidden_ND = at::zeros({7, 4});
  EXPECT_NO_THROW(check_rows(hidden_ND));
  hidden_ND[6][0] = std::numeric_limits<float>::infinity();
  EXPECT_THAT(refusal(hidden_ND),
              testing::StartsWith("text 2: layer 3: the hidden state of token 1 is NaN or infinite"));
  hidden_ND[4][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(refusal(hidden_ND), testing::StartsWith("text 1: layer 3: the hidden state of token 3 is"));
}

TEST(Finite, SaysAWayOut) {
  at::Tensor hidden_ND = at::full({7, 4}, std::numeric_limits<float>::infinity());
  EXPECT_THAT(refusal(hidden_ND), testing::HasSubstr("download or convert it again"));
  EXPECT_THAT(refusal(hidden_ND.to(at::kBFloat16)), testing::HasSubstr("try --dtype f32"));
}

}  // namespace
}  // namespace uncurl::eval
