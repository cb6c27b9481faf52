// What every program of this folder has: a function that gets bytes from a stranger. It may take them or refuse them
// with an Error; everything else that happens (another exception, a signal, a leak, ten seconds, a gigabyte) is a
// finding. Linked with libFuzzer it searches for such bytes (./run fuzz), linked with replay.cpp it tries those of
// corpus/ (a test of the normal build and of the sanitizers').
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "uncurl/base/error.h"

namespace uncurl::fuzz {

/// Defined once in each target's file.
void try_input(std::string_view input);

/// Runs `body`; an Error is an answer.
template <class Body>
void expect_answer(Body&& body) {
  try {
    body();
  } catch (const Error&) {
  }
}

/// A folder in memory, of this process alone and gone with it.
const std::filesystem::path& folder();

/// Writes a file of the folder, replacing it, and returns its path.
std::filesystem::path put(const std::string& name, std::string_view bytes);

}  // namespace uncurl::fuzz
