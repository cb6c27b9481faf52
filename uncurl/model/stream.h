// A model larger than memory: all tokens go through layer l before layer l+1, so each weight is read once and two
// layers are in memory at most (the one that runs and the one being read ahead).
#pragma once

#include <functional>

#include "uncurl/base/listener.h"
#include "uncurl/model/block.h"
#include "uncurl/model/model.h"
#include "uncurl/tensor/compute.h"

namespace uncurl::model {

/// Gives out the layers of a checkpoint, converted to the dtype of `compute` (views where it is the stored one).
class LayerStream {
 public:
  /// `model` must outlive the stream.
  LayerStream(const Model& model, const Compute& compute);

  const Model& model() const { return model_; }
  const Compute& compute() const { return compute_; }

  /// @throws Error naming tensor and expert if a weight is not finite
  LayerWeights load(std::int64_t layer) const;
  void prefetch(std::int64_t layer) const;  ///< a hint; does nothing beyond the last layer
  void release(std::int64_t layer) const;   ///< the layer's pages may leave memory

  /// The final norm and the head are used last; this looks at them first.
  /// @throws Error naming the tensor if one is not finite. Reads them whole
  void check_last_tensors() const;

  /// [N,D]. @throws Error naming the embeddings if a row of these tokens is not finite
  Tensor embed(const Tensor& ids_N) const;
  Tensor final_norm(const Tensor& hidden_ND) const;  ///< [N,D] what the head sees
  Tensor head() const;                               ///< [V,D]

 private:
  std::vector<const checkpoint::TensorInfo*> stored(std::int64_t layer) const;
  Tensor converted(const std::string& name) const;
  const std::string& head_name() const;  ///< of the embeddings where they are tied

  const Model& model_;
  Compute compute_;
};

struct SweepOptions {
  std::int64_t first_layer = 0;
  std::int64_t chunk_tokens = 8192;  ///< tokens that run together; bounds the temporaries, changes roundings only
  std::string label = "running";     ///< for progress: "<label> layer 3 of 48"
  nn::Implementation implementation = nn::Implementation::kFastest;
  std::function<void(std::int64_t layer)> after_layer;                 ///< hidden_ND then holds the output of `layer`
  std::function<LayerWeights(LayerWeights, std::int64_t layer)> edit;  ///< try a change of weights without writing it
};

/// Runs all rows through the layers from options.first_layer on, writing each layer's output over hidden_ND.
/// @param hidden_ND [N,D] the input of that layer (embed() for layer 0)
/// Memory: hidden_ND, two layers of weights, temporaries of one chunk (about chunk_tokens * (10 D + top_k D) values).
void sweep_layers_(Tensor& hidden_ND, const PackedRows& rows, const LayerStream& stream, const SweepOptions& options,
                   MoeObserver* observer, const Listener& listener);

/// The dtype in which a checkpoint runs unless the user says otherwise: bf16 for bf16 files, else fp32 (f16 has too
/// little range for activations that were never meant for it).
at::ScalarType default_dtype(const Model& model);

}  // namespace uncurl::model
