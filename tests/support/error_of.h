// What an action complains about: errors are part of the interface, so tests read them.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "uncurl/base/error.h"

namespace uncurl::test {

/// The message of the Error that `action` throws; a failure of the test and "" if it throws none.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

}  // namespace uncurl::test
