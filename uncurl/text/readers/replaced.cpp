#include "uncurl/text/readers/replaced.h"

#include <cassert>

namespace uncurl::text {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  assert(!from.empty());
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; (at = text.find(from, begin)) != std::string_view::npos; begin = at + from.size()) {
    out.append(text, begin, at - begin).append(to);
  }
  return out.append(text, begin);
}

}  // namespace uncurl::text
