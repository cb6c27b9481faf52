// Fixed replacements in a text, as readers need them that undo tokenisation or fill a gap.
#pragma once

#include <string>
#include <string_view>

namespace uncurl::text {

/// Every `from` that does not overlap one before it becomes `to`; what `to` brings in is not looked at again, as in
/// Python's str.replace. @param from  not empty
std::string replaced(std::string_view text, std::string_view from, std::string_view to);

}  // namespace uncurl::text
