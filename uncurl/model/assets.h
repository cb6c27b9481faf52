// Files that travel inside the program (cmake/EmbeddedFiles.cmake): the modelling code of families that transformers
// does not know.
#pragma once

#include <string_view>

namespace uncurl::model::assets {

std::string_view configuration_smoe_gpt2();
std::string_view modeling_smoe_gpt2();

}  // namespace uncurl::model::assets
