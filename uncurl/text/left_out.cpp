#include "uncurl/text/left_out.h"

#include <vector>

#include "uncurl/base/join.h"

namespace uncurl::text {

std::string left_out_text(const LeftOut& left_out) {
  std::vector<std::string> parts;
  const auto add = [&](const RowCount& rows, const char* reason) {
    if (rows.count > 0) parts.push_back(concat(rows.count, " ", reason, " (the first: ", rows.first, ")"));
  };
  add(left_out.bad, "that cannot be read");
  add(left_out.empty, "without text");
  add(left_out.unanswered, "with a prompt and an empty answer");
  if (parts.empty()) return "";
  return concat(left_out.count(), left_out.count() == 1 ? " row" : " rows", " left out: ", join(parts));
}

}  // namespace uncurl::text
