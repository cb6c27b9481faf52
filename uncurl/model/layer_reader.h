// Reads the stored tensors of a layer by a thread of its own, while another layer is computed with: the one door
// through which a model larger than memory comes in. What is read ahead lies in buffers of ours, so it does not depend
// on what the kernel thinks of reading ahead, and a file that fails is an Error where the layer is taken.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <string>
#include <unordered_map>

#include "uncurl/model/model.h"

namespace uncurl::model {

/// The tensors of a layer as stored, by name; those of its routed experts are missing where they were not wanted.
using StoredLayer = std::unordered_map<std::string, Tensor>;

enum class LayerPart { kWhole, kWithoutExperts };

/// One layer is read ahead at most. One thread may use it.
class LayerReader {
 public:
  explicit LayerReader(const Model& model) : model_(&model) {}
  ~LayerReader() { drop(); }
  LayerReader(const LayerReader&) = delete;
  LayerReader& operator=(const LayerReader&) = delete;

  /// Begins to read a layer, unless it is being read already; what was begun before is given up.
  void start(std::int64_t layer, LayerPart part = LayerPart::kWhole);

  /// Waits for a layer that was started, or reads it now. @throws Error naming the file that cannot be read
  StoredLayer take(std::int64_t layer, LayerPart part = LayerPart::kWhole);

 private:
  bool has_started(std::int64_t layer, LayerPart part) const;
  void drop();  ///< returns once the thread is done: at the next tensor

  const Model* model_;
  std::future<StoredLayer> pending_;
  std::int64_t pending_layer_ = -1;
  LayerPart pending_part_ = LayerPart::kWhole;
  std::atomic<bool> stop_{false};
};

}  // namespace uncurl::model
