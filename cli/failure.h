// The one place where exceptions become a line on standard error and an exit code.
#pragma once

#include <exception>
#include <string>

namespace uncurl::cli {

struct Failure {
  int exit_code;  ///< 1 failed, 2 usage error, 130 interrupted
  std::string line;
};

/// What a person is told of an exception. Those of the library speak for themselves; what libtorch, the JSON reader and
/// the standard library throw should have been caught where the input was known, so it is told as the bug it is,
/// except that memory ran out or that the system refused a path.
Failure failure_of(const std::exception_ptr& exception);

}  // namespace uncurl::cli
