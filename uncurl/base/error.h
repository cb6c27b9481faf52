// Failures a user can read: what went wrong, in which file or tensor, what was expected, what was found, what to do.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace uncurl {

/// Thrown for every fault of the input. The message is complete English; cli/ prints it and exits with 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A usage error: an option is missing, or two contradict each other. cli/ exits with 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Joins its arguments as a stream would print them.
template <class... Parts>
std::string concat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn]] void fail(const Parts&... parts) {
  throw Error(concat(parts...));
}

/// Throws Error(concat(parts...)) unless `ok`. The arguments are evaluated in any case: keep it out of inner loops.
template <class... Parts>
void check(bool ok, const Parts&... parts) {
  if (!ok) fail(parts...);
}

/// Runs `body` and puts `place` in front of the message of an Error it throws.
template <class Body>
decltype(auto) with_context(const std::string& place, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const UsageError& error) {
    throw UsageError(place + ": " + error.what());
  } catch (const Error& error) {
    throw Error(place + ": " + error.what());
  }
}

}  // namespace uncurl
