// A model larger than memory: all tokens go through layer l before layer l+1, so each weight is read once and two
// layers are in memory at most (the one that runs and the one that a thread reads ahead). Where the whole model does
// fit, its weights are converted once and kept; the arithmetic and its order stay the same.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "uncurl/base/listener.h"
#include "uncurl/model/block.h"
#include "uncurl/model/layer_reader.h"
#include "uncurl/model/model.h"
#include "uncurl/tensor/compute.h"

namespace uncurl::model {

enum class Weights {
  kStreamed,  ///< read, checked and converted whenever they are asked for
  kResident   ///< read, checked and converted once, by the constructor
};

/// Gives out the layers of a checkpoint, converted to the dtype of `compute`. One thread may use it.
class LayerStream {
 public:
  /// `model` must outlive the stream. With kResident all weights are loaded here: see resident_bytes.
  LayerStream(const Model& model, const Compute& compute, Weights weights = Weights::kStreamed);

  const Model& model() const { return model_; }
  const Compute& compute() const { return compute_; }

  /// @throws Error naming tensor and expert if a weight is not finite, or the file that cannot be read
  LayerWeights load(std::int64_t layer, LayerPart part = LayerPart::kWhole) const;

  /// Begins to read what `load` will be asked for next; does nothing beyond the last layer.
  void prefetch(std::int64_t layer, LayerPart part = LayerPart::kWhole) const;

  /// The final norm and the head are used last; this looks at them first, and at the table of positions.
  /// @throws Error naming the tensor if one is not finite. Reads them whole
  void check_last_tensors() const;

  /// What the first layer sees: embeddings, with those of the positions where the model learned some.
  /// @return [N,D]. @throws Error naming the embeddings if a row of these tokens is not finite, or if a row is longer
  ///         than the model has positions
  Tensor embed(const PackedRows& rows) const;
  Tensor embed(const Tensor& ids_N, const Tensor& positions_N) const;  ///< the same, positions [N] int64 given
  Tensor final_norm(const Tensor& hidden_ND) const;                    ///< [N,D] what the head sees
  Tensor head() const;                                                 ///< [V,D]

 private:
  Tensor converted(const Tensor& stored, const std::string& name, const std::string& detail = "") const;
  Tensor converted(const std::string& name) const;  ///< one that is no layer's
  const std::string& head_name() const;             ///< of the embeddings where they are tied

  LayerWeights read(std::int64_t layer, LayerPart part) const;
  Expert expert_of(StoredLayer& stored, std::int64_t layer, std::int64_t expert) const;

  const Model& model_;
  Compute compute_;
  std::unique_ptr<LayerReader> reader_;
  std::vector<LayerWeights> layers_;            ///< all of them where they are resident, else none
  Tensor final_norm_, final_norm_bias_, head_;  ///< likewise
};

/// A change of weights that is tried without writing it: what comes back runs as that layer. Weights of the argument
/// may be shared with others: replace tensors, never write into them.
using EditFunction = std::function<LayerWeights(LayerWeights, std::int64_t layer)>;

struct SweepOptions {
  std::int64_t first_layer = 0;
  std::optional<std::int64_t> end_layer;  ///< default: after the last
  std::int64_t chunk_tokens = 8192;       ///< tokens that run together; bounds the temporaries, changes roundings only
  std::string label = "running";          ///< for progress: "<label> layer 3 of 48"
  nn::Implementation implementation = nn::Implementation::kFastest;
  std::function<void(std::int64_t layer)> after_layer;  ///< hidden_ND then holds the output of `layer`
  EditFunction edit;
  LayerPart edited = LayerPart::kWhole;  ///< what `edit` is given: without experts where it brings its own
  KvCache* cache = nullptr;              ///< row r leaves its keys and values there as sequence r; null: nowhere
};

/// Runs all rows through the layers [first_layer, end_layer), writing each layer's output over hidden_ND.
/// @param hidden_ND [N,D] the input of the first (embed() for layer 0)
/// Memory: hidden_ND, two layers of weights, temporaries of one chunk (about chunk_tokens * (10 D + top_k D) values).
void sweep_layers_(Tensor& hidden_ND, const PackedRows& rows, const LayerStream& stream, const SweepOptions& options,
                   MoeObserver* observer, const Listener& listener);

/// One more token of every sequence of the cache through all layers. @param ids_B [B] int64; @return [B,D] final norm
/// included
Tensor run_cached_layers(const Tensor& ids_B, const LayerStream& stream, KvCache& cache);

/// Bytes of all weights of the model in the dtype of `compute`.
std::uint64_t resident_bytes(const Model& model, const Compute& compute);

/// kResident if the weights take at most half of the memory that is available (base/machine.h).
Weights fitting_weights(const Model& model, const Compute& compute);

/// The dtype in which a checkpoint runs unless the user says otherwise: bf16 for bf16 files, else fp32 (f16 has too
/// little range for activations that were never meant for it).
at::ScalarType default_dtype(const Model& model);

}  // namespace uncurl::model
