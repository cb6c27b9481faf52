// The trained model as a Hugging Face folder.
#pragma once

#include <filesystem>
#include <string>

#include "uncurl/base/listener.h"
#include "uncurl/train/config.h"
#include "uncurl/train/weights.h"

namespace uncurl::train {

/// In the likeness of the checkpoint that training started from: its tensors, order, shards and other files. A tensor
/// that the model does not know is copied byte for byte.
/// @param dtype  "stored", "f32" or "bf16", see SaveConfig
void write_like(const model::Model& model, ModelWeights& weights, const std::string& dtype,
                const std::filesystem::path& folder, const Listener& listener);

/// A new one, with the tokenizer of source.tokenizer. @param dtype likewise; "stored" is f32
void write_new(const ModelSource& source, ModelWeights& weights, const std::string& dtype,
               const std::filesystem::path& folder);

}  // namespace uncurl::train
