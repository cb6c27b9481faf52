#include "uncurl/base/error.h"

#include <gtest/gtest.h>

#include <type_traits>

#include "tests/support/error_of.h"

namespace uncurl {
namespace {

using test::error_of;

TEST(Error, JoinsItsPartsAsAStreamWould) { EXPECT_EQ(concat("layer ", 3, " of ", 4.5), "layer 3 of 4.5"); }

TEST(Error, CheckThrowsOnlyWhenFalse) {
  EXPECT_NO_THROW(check(true, "never"));
  EXPECT_EQ(error_of([] { check(false, "found ", 2); }), "found 2");
}

TEST(Error, ContextsNestFromTheOutsideIn) {
  const std::string message =
      error_of([] { with_context("folder", [] { with_context("file", [] { fail("key 'x' is missing"); }); }); });
  EXPECT_EQ(message, "folder: file: key 'x' is missing");
}

TEST(Error, ContextKeepsAUsageErrorAUsageError) {
  try {
    with_context("prune", [] { throw UsageError("--experts is missing"); });
    FAIL() << "nothing was thrown";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "prune: --experts is missing");
  }
}

TEST(Error, ContextLetsOtherExceptionsThrough) {
  EXPECT_THROW(with_context("place", [] { throw std::out_of_range("other"); }), std::out_of_range);
}

TEST(Error, ContextReturnsWhatItsBodyReturns) {
  EXPECT_EQ(with_context("place", [] { return 7; }), 7);
}

// A reference once decayed to a copy, and what referred to the copy dangled.
TEST(Error, ContextReturnsReferencesAsReferences) {
  const std::string value = "kept";
  const auto body = [&]() -> const std::string& { return value; };
  static_assert(std::is_same_v<decltype(with_context("place", body)), const std::string&>);
  EXPECT_EQ(&with_context("place", body), &value);
}

}  // namespace
}  // namespace uncurl
