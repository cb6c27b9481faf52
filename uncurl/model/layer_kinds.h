// Which layers hold experts and how many, and how far each one's attention looks back, by the rule of the family.
#pragma once

#include "uncurl/base/json.h"
#include "uncurl/model/config.h"

namespace uncurl::model {

/// @param num_layers, num_experts  as config.json says, already held against what can be: this loops over the layers
/// @throws Error naming the key, also where two keys contradict each other
std::vector<LayerKind> read_layers(const JsonObject& config, const Family& family, std::int64_t num_layers,
                                   std::int64_t num_experts);

}  // namespace uncurl::model
