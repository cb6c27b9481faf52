// Files that travel inside the program (cmake/EmbeddedFiles.cmake): the page's own style and script, and the chart
// library.
#pragma once

#include <string_view>

namespace uncurl::report::assets {

std::string_view page_css();
std::string_view page_js();
std::string_view chart_config();  ///< JSON: how every chart looks (a Vega-Lite config)
std::string_view notice();        ///< licences of the chart library
std::string_view vega();          ///< Vega, Vega-Lite and Vega-Embed as one JavaScript module

}  // namespace uncurl::report::assets
