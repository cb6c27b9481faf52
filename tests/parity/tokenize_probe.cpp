// What test_tokenizers.py runs: `tokenize_probe TOKENIZER RECORDS [PLAIN]` writes the ids of each record as raw int32
// to stdout, each list preceded by its length, and the time spent to stderr. Records in the file end in a byte 0xFF,
// which no UTF-8 text holds, so that newlines and NUL can be part of them. With a third argument no special tokens are
// added.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "uncurl/base/file.h"
#include "uncurl/text/tokenizer.h"

namespace {

std::vector<std::string> split_records(const std::string& bytes) {
  std::vector<std::string> records;
  for (std::size_t begin = 0, end; (end = bytes.find('\xFF', begin)) != std::string::npos; begin = end + 1)
    records.push_back(bytes.substr(begin, end - begin));
  return records;
}

void write_ids(const std::vector<std::int32_t>& ids) {
  const auto length = static_cast<std::int32_t>(ids.size());
  std::fwrite(&length, sizeof length, 1, stdout);
  std::fwrite(ids.data(), sizeof(std::int32_t), ids.size(), stdout);
}

int run(int argc, char** argv) {
  const auto tokenizer = uncurl::text::open_tokenizer(argv[1]);
  const std::vector<std::string> records = split_records(uncurl::read_text(argv[2]));
  std::vector<std::vector<std::int32_t>> ids;
  const auto start = std::chrono::steady_clock::now();
  for (const std::string& record : records) ids.push_back(tokenizer->encode(record, /*add_special_tokens=*/argc < 4));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  for (const auto& list : ids) write_ids(list);
  std::fprintf(stderr, "{\"seconds\": %.6f, \"vocabulary_size\": %lld}\n", seconds.count(),
               static_cast<long long>(tokenizer->vocabulary_size()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: tokenize_probe TOKENIZER RECORDS [PLAIN]\n");
    return 2;
  }
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
