// A tensor that is not there is most often there under another name: says which, and how to get the expected one.
#pragma once

#include <string>

#include "uncurl/checkpoint/checkpoint.h"

namespace uncurl::model {

/// What the checkpoint holds in place of the tensor `name`, and the way out, as the end of a sentence.
std::string instead_of(const checkpoint::Checkpoint& checkpoint, const std::string& name);

}  // namespace uncurl::model
