// The main of a fuzz target in a build without libFuzzer: tries every file of the folders it is given. A crash ends
// the program, and the last line says in which file.
#include <algorithm>
#include <cstdint>
#include <exception>
#include <iostream>
#include <vector>

#include "tests/fuzz/target.h"
#include "uncurl/base/file.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  int num_files = 0;
  for (int i = 1; i < argc; ++i) {
    for (const fs::path& file : files_of(argv[i])) {
      std::cout << file.string() << std::endl;  // before it is tried: a crash takes the rest of the output along
      try {
        uncurl::fuzz::try_input(uncurl::read_text(file));
      } catch (const std::exception& error) {
        std::cerr << "error: ends in an exception that is no Error: " << error.what() << "\n";
        return 1;
      }
      ++num_files;
    }
  }
  std::cout << num_files << " inputs tried\n";
  return num_files == 0 ? 1 : 0;
}
