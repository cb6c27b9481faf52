// What every step of pruning needs of a model, asked before any data is read.
#pragma once

#include "uncurl/model/model.h"

namespace uncurl::prune {

/// @throws Error if no layer holds experts, or if experts of one layer are stored in different dtypes, of which the
///         smaller model could not keep each (an expert takes another's number, and may be averaged with it)
void check_pruneable(const model::Model& model);

}  // namespace uncurl::prune
