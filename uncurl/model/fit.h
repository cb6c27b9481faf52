// Whether the tensors of a checkpoint are those that its config.json and family imply: all of them, each with its
// shape, and none beside them that would make it another model. Reads headers, and of a head that should be tied its
// bytes.
#pragma once

#include <string>

#include "uncurl/model/model.h"

namespace uncurl::model {

/// The layout of the family whose tensors the first layer with experts has. @throws Error saying what is there instead
const ExpertLayout& find_layout(const checkpoint::Checkpoint& checkpoint, const Family& family,
                                const ModelConfig& config);

/// Whether the head is the embeddings, as transformers decides it: where tie_word_embeddings says so, unless a head
/// with other values is stored. @throws Error if a tensor that the answer needs is missing
bool is_head_tied(const checkpoint::Checkpoint& checkpoint, const TensorNames& names, bool tie_word_embeddings);

/// @throws Error naming the tensor that is missing, has another shape or a dtype nobody can compute with
void check_tensors(const Model& model);

/// Stored tensors that nothing reads although they stand where a tensor changes the model: "" if there are none, else a
/// sentence that names them, the reason and the way out. They are
///   - tensors in a layer (also one beyond num_hidden_layers) that the family does not name, such as biases, scales of
///     quantised weights and the layers of multi-token prediction,
///   - tensors beside one that is read outside the layers, such as `lm_head.bias`,
///   - experts elsewhere, whose number config.json gives as well.
/// Rotary frequencies (`rotary_emb.inv_freq`, computed anew by everyone) and all other modules are harmless.
std::string unread_tensors(const Model& model);

}  // namespace uncurl::model
