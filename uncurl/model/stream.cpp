#include "uncurl/model/stream.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/machine.h"
#include "uncurl/nn/norm.h"
#include "uncurl/tensor/finite.h"

namespace uncurl::model {
namespace {

void check_finite(const checkpoint::Checkpoint& checkpoint, const Tensor& tensor, const std::string& name,
                  const std::string& detail) {
  if (all_finite(tensor)) return;
  fail(checkpoint.file_of(checkpoint.at(name)).string(), ": tensor '", name, "'", detail,
       " holds NaN or infinite values; the checkpoint is damaged, download or convert it again");
}

/// @throws Error naming a stored tensor that holds NaN or infinite values; read in pieces
void check_stored_finite(const checkpoint::Checkpoint& checkpoint, const std::string& name) {
  const checkpoint::TensorInfo& info = checkpoint.at(name);
  if (info.num_bytes() == 0) return;
  const std::int64_t num_rows = info.shape[0];
  const std::int64_t row_bytes = static_cast<std::int64_t>(info.num_bytes()) / num_rows;
  const std::int64_t at_once = std::max<std::int64_t>(1, static_cast<std::int64_t>(kPieceBytes) / row_bytes);
  for (std::int64_t first = 0; first < num_rows; first += at_once) {
    check_finite(checkpoint, stored_rows(checkpoint, name, first, std::min(at_once, num_rows - first)), name, "");
  }
}

/// Rows of a stored matrix, each of them read once: of a large vocabulary a task uses a small part.
Tensor gathered_rows(const checkpoint::Checkpoint& checkpoint, const std::string& name, const Tensor& which_N) {
  if (which_N.numel() == 0) return stored_rows(checkpoint, name, 0, 0);
  const auto [used_U, place_N, counts] = at::_unique2(which_N, /*sorted=*/true, /*return_inverse=*/true);
  std::vector<Tensor> rows;
  const auto* const used = used_U.const_data_ptr<std::int64_t>();
  for (std::int64_t first = 0, end = 0; first < used_U.size(0); first = end) {
    for (end = first + 1; end < used_U.size(0) && used[end] == used[end - 1] + 1;) ++end;
    rows.push_back(stored_rows(checkpoint, name, used[first], end - first));
  }
  return at::cat(rows).index_select(0, place_N);
}

}  // namespace

LayerStream::LayerStream(const Model& model, const Compute& compute, Weights weights)
    : model_(model), compute_(compute), reader_(std::make_unique<LayerReader>(model)) {
  check(compute.device.is_cpu(), "a model runs layer by layer on the CPU, not on ", compute.device.str(),
        ", which only training knows; take at::kCPU");
  if (weights == Weights::kStreamed) return;
  std::vector<LayerWeights> layers;
  for (std::int64_t layer = 0; layer < model_.config.num_layers(); ++layer) {
    layers.push_back(read(layer, LayerPart::kWhole));
    prefetch(layer + 1);
  }
  layers_ = std::move(layers);
  final_norm_ = converted(model_.family->names.final_norm);
  if (model_.config.norm_bias) final_norm_bias_ = converted(bias_name(model_.family->names.final_norm));
  head_ = converted(head_name());
}

Tensor LayerStream::converted(const Tensor& stored, const std::string& name, const std::string& detail) const {
  check_finite(model_.checkpoint, stored, name, detail);
  return stored.to(compute_.device, compute_.dtype);
}

Tensor LayerStream::converted(const std::string& name) const {
  return converted(stored_tensor(model_.checkpoint, name), name);
}

LayerWeights LayerStream::load(std::int64_t layer, LayerPart part) const {
  return layers_.empty() ? read(layer, part) : layers_[static_cast<std::size_t>(layer)];
}

LayerWeights LayerStream::read(std::int64_t layer, LayerPart part) const {
  StoredLayer stored = reader_->take(layer, part);
  LayerWeights weights;
  for_each_tensor(weights, model_.config, *model_.family, model_.layout, layer,
                  [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                    tensor = converted(stored.at(name), name);
                  });
  if (weights.moe.correction_bias.defined()) weights.moe.correction_bias = weights.moe.correction_bias.to(at::kFloat);
  if (part == LayerPart::kWithoutExperts) return weights;
  const std::int64_t num_experts = model_.config.layers[static_cast<std::size_t>(layer)].num_experts;
  for (std::int64_t e = 0; e < num_experts; ++e) weights.moe.experts.push_back(expert_of(stored, layer, e));
  return weights;
}

/// What is taken out of `stored` is gone from it, so that both dtypes of a whole layer are never in memory together.
Expert LayerStream::expert_of(StoredLayer& stored, std::int64_t layer, std::int64_t expert) const {
  const std::string detail = concat(" (layer ", layer, ", expert ", expert, ")");
  const ExpertLayout& layout = model_.layout;
  Expert weights;
  if (!layout.fused) {
    for_each_tensor(weights, model_.config, layout, layer, expert,
                    [&](Tensor& tensor, const std::string& name, const std::vector<std::int64_t>&) {
                      tensor = converted(stored.extract(name).mapped(), name, detail);
                    });
    return weights;
  }
  const std::string gate_up_name = fill_name(layout.gate_up, layer), down_name = fill_name(layout.down, layer);
  const Tensor gate_up = converted(stored.at(gate_up_name)[expert], gate_up_name, detail);
  const std::int64_t inner = model_.config.expert_width;
  weights.gate = gate_up.narrow(0, 0, inner);
  weights.up = gate_up.narrow(0, inner, inner);
  weights.down = converted(stored.at(down_name)[expert], down_name, detail);
  return weights;
}

void LayerStream::prefetch(std::int64_t layer, LayerPart part) const {
  if (layer < model_.config.num_layers() && layers_.empty()) reader_->start(layer, part);
}

void LayerStream::check_last_tensors() const {
  OuterWeights unused;
  for_each_outer_tensor(unused, model_.config, *model_.family,
                        [&](Tensor&, const std::string& name, const std::vector<std::int64_t>&) {
                          if (name == model_.family->names.embeddings && !model_.config.tied_embeddings) return;
                          check_stored_finite(model_.checkpoint, name);
                        });
}

Tensor LayerStream::embed(const Tensor& ids_N, const Tensor& positions_N) const {
  const auto rows_of = [&](const std::string& name, const Tensor& which_N, const char* detail) {
    const Tensor rows_ND = gathered_rows(model_.checkpoint, name, which_N);
    check_finite(model_.checkpoint, rows_ND, name, detail);
    return rows_ND.to(compute_.device, compute_.dtype);
  };
  const TensorNames& names = model_.family->names;
  const Tensor tokens_ND = rows_of(names.embeddings, ids_N, " (rows of the tokens that are used)");
  if (model_.config.num_positions == 0) return tokens_ND;
  return tokens_ND + rows_of(names.positions, positions_N, " (rows of the positions that are used)");
}

Tensor LayerStream::embed(const PackedRows& rows) const {
  check_lengths(rows, model_.config);
  return embed(rows.ids_N, positions(rows));
}

Tensor LayerStream::final_norm(const Tensor& hidden_ND) const {
  const std::string& name = model_.family->names.final_norm;
  const bool resident = final_norm_.defined();
  const Tensor weight = resident ? final_norm_ : converted(name);
  const Tensor bias = resident || !model_.config.norm_bias ? final_norm_bias_ : converted(bias_name(name));
  return nn::norm(hidden_ND, weight, bias, model_.config.norm_epsilon);
}

const std::string& LayerStream::head_name() const {
  const TensorNames& names = model_.family->names;
  return model_.config.tied_embeddings ? names.embeddings : names.head;
}

Tensor LayerStream::head() const { return head_.defined() ? head_ : converted(head_name()); }

void sweep_layers_(Tensor& hidden_ND, const PackedRows& rows, const LayerStream& stream, const SweepOptions& options,
                   MoeObserver* observer, const Listener& listener) {
  const c10::InferenceMode inference;
  const ModelConfig& config = stream.model().config;
  check_lengths(rows, config);
  const nn::RopeTables rope = rope_of(config, rows.longest(), stream.compute());
  BlockContext context{config, rope, options.implementation, options.cache};
  const std::vector<RowRange> chunks = row_chunks(rows, options.chunk_tokens);
  const std::int64_t num_layers = config.num_layers();
  const std::int64_t end_layer = options.end_layer.value_or(num_layers);
  const std::int64_t total = (end_layer - options.first_layer) * rows.num_tokens();
  std::int64_t done = 0;
  for (std::int64_t layer = options.first_layer; layer < end_layer; ++layer) {
    LayerWeights weights = stream.load(layer, options.edited);
    if (layer + 1 < end_layer) stream.prefetch(layer + 1, options.edited);
    if (options.edit) weights = options.edit(std::move(weights), layer);
    for (const RowRange& chunk : chunks) {
      const PackedRows part = slice_rows(rows, chunk.first, chunk.end);
      const std::int64_t first_token = rows.begins[static_cast<std::size_t>(chunk.first)];
      context.first_sequence = chunk.first;
      Tensor part_ND = hidden_ND.narrow(0, first_token, part.num_tokens());
      part_ND.copy_(run_block(part_ND, weights, context, layer, part, first_token, observer));
      done += part.num_tokens();
      listener.progress({concat(options.label, " layer ", layer + 1, " of ", num_layers), "tokens", done, total});
    }
    if (options.after_layer) options.after_layer(layer);
  }
}

Tensor run_cached_layers(const Tensor& ids_B, const LayerStream& stream, KvCache& cache) {
  const c10::InferenceMode inference;
  const ModelConfig& config = stream.model().config;
  const nn::RopeTables rope = rope_of(config, cache.capacity(), stream.compute());
  const BlockContext context{config, rope};
  Tensor hidden_BD = stream.embed(ids_B, cache.lengths_B());
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    const LayerWeights weights = stream.load(layer);
    stream.prefetch(layer + 1);
    hidden_BD = run_cached_block(hidden_BD, weights, context, layer, cache);
  }
  cache.grow();
  return stream.final_norm(hidden_BD);
}

std::uint64_t resident_bytes(const Model& model, const Compute& compute) {
  return static_cast<std::uint64_t>(model.checkpoint.num_parameters()) * c10::elementSize(compute.dtype);
}

Weights fitting_weights(const Model& model, const Compute& compute) {
  return resident_bytes(model, compute) <= machine_limits().available_bytes / 2 ? Weights::kResident
                                                                                : Weights::kStreamed;
}

at::ScalarType default_dtype(const Model& model) { return expert_dtype(model) == "BF16" ? at::kBFloat16 : at::kFloat; }

}  // namespace uncurl::model
