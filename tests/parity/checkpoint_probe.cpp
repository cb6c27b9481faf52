// What test_safetensors.py runs:
//   checkpoint_probe copy IN OUT [MAX_SHARD_BYTES]   writes a checkpoint again, in order of names, last tensor first
//   checkpoint_probe check LIST                      a line for each file that LIST names: "ok" or what is wrong with
//   it
#include <cstdio>
#include <exception>
#include <iostream>
#include <sstream>
#include <string>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/checkpoint/checkpoint.h"
#include "uncurl/checkpoint/writer.h"

namespace {

using namespace uncurl::checkpoint;

void copy(const char* in, const char* out, const char* max_shard_bytes) {
  const Checkpoint checkpoint = Checkpoint::open(in);
  std::vector<TensorSpec> tensors;
  for (const TensorInfo& info : checkpoint.tensors()) tensors.push_back(info.spec());
  WriterLayout layout{.metadata = checkpoint.files().front().metadata};
  if (max_shard_bytes != nullptr) layout.max_shard_bytes = std::stoull(max_shard_bytes);

  CheckpointWriter writer(out, tensors, layout);
  for (auto info = checkpoint.tensors().rbegin(); info != checkpoint.tensors().rend(); ++info) {
    writer.write(info->name, checkpoint.bytes(*info));
  }
  writer.finish();
}

void check_files(const char* list) {
  std::istringstream paths(uncurl::read_text(list));
  for (std::string path; std::getline(paths, path);) {
    try {
      const std::string text = uncurl::read_text(path);
      parse_safetensors_header(std::as_bytes(std::span(text)), "file");
      std::cout << "ok\n";
    } catch (const uncurl::Error& error) {
      std::string line = error.what();
      for (char& c : line) c = c == '\n' ? ' ' : c;
      std::cout << line << '\n';
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  try {
    if (command == "copy" && (argc == 4 || argc == 5)) {
      copy(argv[2], argv[3], argc == 5 ? argv[4] : nullptr);
    } else if (command == "check" && argc == 3) {
      check_files(argv[2]);
    } else {
      std::fprintf(stderr, "usage: checkpoint_probe copy IN OUT [MAX_SHARD_BYTES] | check LIST\n");
      return 2;
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
