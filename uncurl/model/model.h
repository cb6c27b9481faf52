// A checkpoint that is known to fit its config and family: what every command opens first.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "uncurl/checkpoint/checkpoint.h"
#include "uncurl/model/config.h"
#include "uncurl/model/weights.h"

namespace uncurl::model {

struct Model {
  checkpoint::Checkpoint checkpoint;
  Json config_json;
  const Family* family;
  ExpertLayout layout;
  ModelConfig config;
  std::vector<std::string> notes;  ///< where config.json and files disagree and one of them was taken: to be told

  const std::filesystem::path& folder() const { return checkpoint.folder(); }
};

enum class Purpose { kRun, kInspect };

/// Opens the folder and checks that every tensor the model needs is there with the shape that config.json implies, and
/// none beside them that would change what it computes (fit.h); to inspect it, the latter is but a note.
/// Reads headers only, and where a head is stored that should be tied, that and the embeddings.
/// @throws Error naming the tensor, its shape, the expected one and what may be wrong
Model open_model(const std::filesystem::path& folder, Purpose purpose = Purpose::kRun);

/// Positions that the model was made for: those it has learned, or max_position_embeddings of config.json; 0 where that
/// says nothing. @throws Error naming the key if it is no positive integer
std::int64_t max_positions(const Model& model);

/// The tensor of this name as stored, read into memory of its own.
/// @throws Error naming the file, if it has become shorter or cannot be read
Tensor stored_tensor(const checkpoint::Checkpoint& checkpoint, const std::string& name);

/// Rows [first, first + count) along the first dimension of that tensor; no more is read.
Tensor stored_rows(const checkpoint::Checkpoint& checkpoint, const std::string& name, std::int64_t first,
                   std::int64_t count);

/// The routed expert `expert` of a layer as stored; no more is read.
Expert stored_expert(const Model& model, std::int64_t layer, std::int64_t expert);

/// All routed experts of a layer as stored.
std::vector<Expert> stored_experts(const Model& model, std::int64_t layer);

/// The same for those that are wanted: the tensors of the others are undefined. @param wanted  one for each expert
std::vector<Expert> stored_experts(const Model& model, std::int64_t layer, const std::vector<bool>& wanted);

/// The stored dtype of the routed experts ("BF16"); of the MLPs where the model is dense.
std::string expert_dtype(const Model& model);

}  // namespace uncurl::model
