// Station 7: the smaller checkpoint on disk, one layer in memory at a time.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "uncurl/base/listener.h"
#include "uncurl/checkpoint/safetensors.h"
#include "uncurl/model/model.h"
#include "uncurl/prune/plan.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// Every tensor of the smaller checkpoint, in the order of the original files: what verification expects to find.
std::vector<checkpoint::TensorSpec> tensors_after(const model::Model& model, const Plan& plan);

/// Names of the tensors that pruning changes or removes: routers and routed experts.
std::set<std::string> routed_tensor_names(const model::Model& model);

/// Writes weights, config and every other file of the model into `folder`, which must not exist or be empty.
/// Tensors that the family does not name are copied byte for byte. Files that are skipped are named in a note.
/// @param layers  summaries of the plan's layers, in its order
void write_checkpoint(const model::Model& model, const Plan& plan, const std::vector<LayerSummary>& layers,
                      const std::filesystem::path& folder, const Listener& listener);

/// Parameters of the model after the plan.
std::int64_t num_parameters(const std::vector<checkpoint::TensorSpec>& tensors);

}  // namespace uncurl::prune
