// Station 7: the smaller checkpoint on disk, one layer in memory at a time.
#pragma once

#include <filesystem>
#include <map>
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
/// @param experts_of_layer  experts after pruning by model layer, 0 where dense; the counts of a plan as experts_after
std::vector<checkpoint::TensorSpec> tensors_after(const model::Model& model,
                                                  const std::vector<std::int64_t>& experts_of_layer);
std::vector<checkpoint::TensorSpec> tensors_after(const model::Model& model, const Plan& plan);

/// config.json of the smaller checkpoint: the original with other numbers of experts.
Json config_after(const model::Model& model, const Plan& plan);

/// The stored tensors of a MoE layer that pruning changes or removes: its router and routed experts.
std::vector<const checkpoint::TensorInfo*> routed_tensors(const model::Model& model, std::int64_t layer);

/// Their names in all layers.
std::set<std::string> routed_tensor_names(const model::Model& model);

/// XXH3-128 of what was written under every name. Bytes that are copies were hashed as they came from the original.
using TensorHashes = std::map<std::string, std::string>;

/// Writes weights, config and every other file of the model into `folder`, which must not exist or be empty.
/// Tensors that the family does not name are copied byte for byte. Files that are skipped are named in a note.
/// Reads the experts that groups are made of, once. Memory: what one layer needs.
/// @param layers  summaries of the plan's layers, in its order
/// @return what verify_checkpoint may hold the files to, instead of reading the original again
TensorHashes write_checkpoint(const model::Model& model, const Plan& plan, const std::vector<LayerSummary>& layers,
                              const std::filesystem::path& folder, const Listener& listener);

/// Parameters of the model after the plan, and their bytes without headers.
std::int64_t num_parameters(const std::vector<checkpoint::TensorSpec>& tensors);
std::uint64_t num_bytes(const std::vector<checkpoint::TensorSpec>& tensors);

}  // namespace uncurl::prune
