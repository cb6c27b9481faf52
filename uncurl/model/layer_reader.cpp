#include "uncurl/model/layer_reader.h"

#include <algorithm>
#include <tuple>
#include <vector>

namespace uncurl::model {
namespace {

using checkpoint::TensorInfo;

/// In the order of their bytes, so that the kernel reads ahead as well.
std::vector<const TensorInfo*> tensors_of(const Model& model, std::int64_t layer, LayerPart part) {
  std::vector<const TensorInfo*> infos;
  LayerWeights unused;
  for_each_tensor(unused, model.config, *model.family, model.layout, layer,
                  [&](Tensor&, const std::string& name, const std::vector<std::int64_t>&) {
                    infos.push_back(&model.checkpoint.at(name));
                  });
  const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
  if (num_experts > 0 && part == LayerPart::kWhole) {
    for (const ExpertTensor& tensor : expert_tensors(model.config, model.layout, layer, num_experts)) {
      infos.push_back(&model.checkpoint.at(tensor.name));
    }
  }
  std::sort(infos.begin(), infos.end(), [](const TensorInfo* a, const TensorInfo* b) {
    return std::tie(a->file, a->begin) < std::tie(b->file, b->begin);
  });
  return infos;
}

StoredLayer read_layer(const Model& model, std::int64_t layer, LayerPart part, const std::atomic<bool>& stop) {
  StoredLayer tensors;
  for (const TensorInfo* const info : tensors_of(model, layer, part)) {
    if (stop) break;
    tensors.emplace(info->name, stored_tensor(model.checkpoint, info->name));
  }
  return tensors;
}

}  // namespace

bool LayerReader::has_started(std::int64_t layer, LayerPart part) const {
  return pending_.valid() && pending_layer_ == layer && pending_part_ == part;
}

void LayerReader::drop() {
  if (!pending_.valid()) return;
  stop_ = true;
  pending_.wait();
  pending_ = {};
  stop_ = false;
}

void LayerReader::start(std::int64_t layer, LayerPart part) {
  if (has_started(layer, part)) return;
  drop();
  pending_layer_ = layer;
  pending_part_ = part;
  pending_ = std::async(std::launch::async, [this, layer, part] { return read_layer(*model_, layer, part, stop_); });
}

StoredLayer LayerReader::take(std::int64_t layer, LayerPart part) {
  if (has_started(layer, part)) return pending_.get();
  const std::atomic<bool> never{false};  // what is read ahead goes on: it will be asked for after this one
  return read_layer(*model_, layer, part, never);
}

}  // namespace uncurl::model
