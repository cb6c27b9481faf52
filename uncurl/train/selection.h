// Which tensors a pattern of the config means.
#pragma once

#include <string>
#include <vector>

#include "uncurl/train/weights.h"

namespace uncurl::train {

/// A pattern is the name of a part ("routers"), or a tensor name in which * stands for any characters and ? for one.
bool matches(const Parameter& parameter, const std::string& pattern);

/// @return one entry a parameter: whether it matches one of `included` and none of `excluded`
/// @throws Error naming `key` and a pattern that matches nothing, with the parts and some tensor names there are
std::vector<bool> select(const std::vector<Parameter>& parameters, const std::vector<std::string>& included,
                         const std::vector<std::string>& excluded, const std::string& key);

}  // namespace uncurl::train
