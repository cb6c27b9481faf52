// Does a program that a model wrote pass its tests? It runs in a child process with limits. That keeps accidents small;
// it is no prison: run nothing here that should not be able to read your files.
#pragma once

#include <cstdint>
#include <string>

namespace uncurl::eval {

struct ProgramLimits {
  double seconds = 10;  ///< of wall clock; of CPU likewise
  std::uint64_t memory_bytes = std::uint64_t{1} << 30;
};

/// Runs `program` with python3 in an empty folder of its own, without input, output, environment or new processes,
/// unable to write more than a megabyte to a file. @return whether it ended by itself without an error
/// @throws Error if python3 cannot be started
bool program_passes(const std::string& program, const ProgramLimits& limits = {});

}  // namespace uncurl::eval
