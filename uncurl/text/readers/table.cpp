#include <algorithm>
#include <array>

#include "uncurl/base/error.h"
#include "uncurl/base/join.h"
#include "uncurl/text/readers/reader.h"

namespace uncurl::text {
namespace {

struct NamedReader {
  const char* name;
  Reader reader;
};

constexpr auto kReaders = std::to_array<NamedReader>({{"flat", read_flat},
                                                      {"arc", read_arc},
                                                      {"copa", read_copa},
                                                      {"multirc", read_multirc},
                                                      {"record", read_record},
                                                      {"wic", read_wic},
                                                      {"wikitext", read_wikitext},
                                                      {"wsc", read_wsc}});

}  // namespace

std::vector<Row> read_flat(const Row& line) { return {line}; }

Reader find_reader(const std::string& name, const std::string& place) {
  const auto found =
      std::find_if(kReaders.begin(), kReaders.end(), [&](const NamedReader& r) { return r.name == name; });
  if (found != kReaders.end()) return found->reader;
  fail(place, ": reader '", name, "' is not known (known: ", join_names(kReaders, &NamedReader::name), ")");
}

}  // namespace uncurl::text
