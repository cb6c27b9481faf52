#include "uncurl/report/numbers.h"

#include <gtest/gtest.h>

#include <cmath>

namespace uncurl::report {
namespace {

TEST(Numbers, HaveThreeSignificantDigits) {
  EXPECT_EQ(number_text(0.045123), "0.0451");
  EXPECT_EQ(number_text(27.76), "27.8");
  EXPECT_EQ(number_text(1234.4), "1,234");
  EXPECT_EQ(number_text(0.0), "0");
}

TEST(Numbers, ThousandsAreApartAlsoBelowZeroAndWithDecimals) {
  EXPECT_EQ(count_text(15501824), "15,501,824");
  EXPECT_EQ(count_text(-1000), "-1,000");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(number_text(1234567.891, 2), "1,234,567.89");
}

TEST(Numbers, WhatIsNoNumberIsADash) {
  EXPECT_EQ(number_text(std::nan("")), "–");
  EXPECT_EQ(number_text(INFINITY), "∞");
}

TEST(Numbers, AGivenNumberIsAsShortAsItWasWritten) {
  EXPECT_EQ(given_text(0.05), "0.05");
  EXPECT_EQ(given_text(2), "2");
}

TEST(Numbers, AnIntervalHasTheDecimalsOfItsValue) {
  EXPECT_EQ(estimate_text({0.0451, 0.0396, 0.0506}), "0.0451 (0.0396–0.0506)");
  EXPECT_EQ(estimate_text({28.99, 26.59, 31.6}), "29.0 (26.6–31.6)");
}

TEST(Numbers, AMissingIntervalIsLeftOut) { EXPECT_EQ(estimate_text({.value = 0.5}), "0.500"); }

TEST(Numbers, IntervalsOverlapInAPoint) {
  EXPECT_TRUE(overlap({1, 0, 2}, {3, 2, 4}));
  EXPECT_FALSE(overlap({1, 0, 2}, {3, 2.1, 4}));
  EXPECT_FALSE(overlap({.value = 1}, {3, 0, 4}));
}

TEST(Numbers, SecondsTurnIntoMinutesAndHours) {
  EXPECT_EQ(seconds_text(4.21), "4.2 s");
  EXPECT_EQ(seconds_text(187), "3m 07s");
  EXPECT_EQ(seconds_text(3720), "1h 02m");
}

TEST(Numbers, SharesAndBytes) {
  EXPECT_EQ(percent_text(0.413), "41%");
  EXPECT_EQ(percent_text(0.004), "0.4%");
  EXPECT_EQ(bytes_text(31003648), "31.0 MB");
}

TEST(Numbers, OneIsSingular) {
  EXPECT_EQ(counted(1, "expert"), "1 expert");
  EXPECT_EQ(counted(16, "expert"), "16 experts");
}

}  // namespace
}  // namespace uncurl::report
