#include "cli/failure.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <new>
#include <stdexcept>

#include "uncurl/base/error.h"
#include "uncurl/base/listener.h"
#include "uncurl/base/printable.h"

namespace uncurl::cli {
namespace {

constexpr std::size_t kMaxBytes = 4000;

/// Messages quote names and values of files, which hold anything.
Failure failed(const std::string& text, int exit_code = 1) {
  return {exit_code, "error: " + shortened(printable(text), kMaxBytes)};
}

Failure out_of_memory(const std::string& detail) {
  return failed(concat("not enough memory", detail,
                       "; free some, or ask for less at a time: a smaller --sequence-length or --max-tokens, "
                       "--weights streamed where the command has it"));
}

Failure bug(const std::string& what) {
  return failed("this is a bug of uncurl, please report it with the command and the input: " + what);
}

Failure failure_of_libtorch(const c10::Error& error) {
  const std::string what = error.what_without_backtrace();
  const std::size_t sizes = what.find("you tried to allocate");
  const bool has_size = sizes != std::string::npos;
  if (has_size) return out_of_memory(": " + what.substr(sizes, what.find('.', sizes) - sizes));
  return bug(what.substr(0, what.find('\n')));
}

}  // namespace

Failure failure_of(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const UsageError& error) {
    return failed(error.what(), 2);
  } catch (const Error& error) {
    return failed(error.what());
  } catch (const Interrupted& interrupted) {
    return {130, interrupted.what()};
  } catch (const c10::Error& error) {
    return failure_of_libtorch(error);
  } catch (const std::bad_alloc&) {
    return out_of_memory("");
  } catch (const std::filesystem::filesystem_error& error) {
    const std::string other = error.path2().empty() ? "" : " (and " + error.path2().string() + ")";
    return failed(concat(error.path1().string(), other, ": ", error.code().message()));
  } catch (const std::exception& error) {
    return bug(error.what());
  } catch (...) {
    return bug("an exception without a text");
  }
}

}  // namespace uncurl::cli
