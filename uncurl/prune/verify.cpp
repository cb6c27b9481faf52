#include "uncurl/prune/verify.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/input_file.h"
#include "uncurl/prune/routers/table.h"
#include "uncurl/prune/write.h"
#include "uncurl/tensor/bytes.h"
#include "uncurl/tensor/finite.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::prune {
namespace {

using checkpoint::TensorInfo;

void check_specs(const checkpoint::Checkpoint& written, const std::vector<checkpoint::TensorSpec>& expected) {
  for (const checkpoint::TensorSpec& spec : expected) {
    const TensorInfo& info = written.at(spec.name);
    check(info.spec() == spec, "tensor '", spec.name, "' was written as ", info.dtype, " ", shape_text(info.shape),
          ", expected ", spec.dtype, " ", shape_text(spec.shape));
  }
  check(written.tensors().size() == expected.size(), "the output holds ", written.tensors().size(),
        " tensors, expected ", expected.size());
}

/// The text as a whole, and the counts once more as a reader of the config understands them.
void check_config(const model::Model& written, const Json& expected,
                  const std::vector<std::int64_t>& experts_of_layer) {
  for (std::size_t layer = 0; layer < experts_of_layer.size(); ++layer) {
    const std::int64_t found = written.config.layers[layer].num_experts;
    check(found == experts_of_layer[layer], "config.json says ", found, " experts in layer ", layer, ", expected ",
          experts_of_layer[layer]);
  }
  for (const auto& [key, value] : expected.items()) {
    const Json found = written.config_json.value(key, Json());
    check(found == value, "config.json of the output: key '", key, "' is ", found.dump(), ", expected ", value.dump());
  }
  check(written.config_json.size() == expected.size(), "config.json of the output has ", written.config_json.size(),
        " keys, expected ", expected.size());
}

/// Opening has shown that the index places no tensor wrongly; here, that it places all of them and counts them right.
void check_index(const checkpoint::Checkpoint& written) {
  if (!written.is_sharded()) return;
  const Json json = read_json(written.folder() / checkpoint::kIndexFileName);
  const JsonObject index(json, checkpoint::kIndexFileName), sizes = index.object("metadata");
  std::set<std::string> listed;
  for (const auto& [name, file] : index.object("weight_map").json().items()) listed.insert(name);
  for (const TensorInfo& info : written.tensors()) {
    check(listed.contains(info.name), index.place(), " of the output does not list tensor '", info.name, "'");
  }
  check(sizes.unsigned_integer("total_size") == written.total_bytes(), index.place(), " of the output: total_size is ",
        sizes.unsigned_integer("total_size"), ", expected ", written.total_bytes());
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.defined() == b.defined() && (!a.defined() || same_bytes(bytes_of(a), bytes_of(b)));
}

/// Calls `use` with the pieces of a tensor.
template <class Use>
void for_each_piece(const checkpoint::Checkpoint& checkpoint, const TensorInfo& info, Use use) {
  std::vector<std::byte> buffer(std::min<std::uint64_t>(kPieceBytes, info.num_bytes()));
  for (std::uint64_t begin = 0; begin < info.num_bytes(); begin += buffer.size()) {
    const std::span<std::byte> piece =
        std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), info.num_bytes() - begin));
    checkpoint.read(info, begin, piece);
    use(begin, std::span<const std::byte>(piece));
  }
}

void check_hash(const std::string& name, const Hasher& found, const TensorHashes& expected) {
  check(expected.at(name) == found.hex(), "tensor '", name,
        "' reads back with other bytes than were written; check the disk and write again");
}

void check_copy(const model::Model& original, const checkpoint::Checkpoint& written, const TensorInfo& info,
                const TensorHashes* hashes) {
  if (hashes != nullptr) {
    Hasher hasher;
    for_each_piece(written, info, [&](std::uint64_t, std::span<const std::byte> piece) { hasher.add(piece); });
    return check_hash(info.name, hasher, *hashes);
  }
  const TensorInfo& before = original.checkpoint.at(info.name);
  check(info.num_bytes() == before.num_bytes(), "tensor '", info.name, "' should be a copy, but its size differs");
  std::vector<std::byte> expected;
  for_each_piece(written, info, [&](std::uint64_t begin, std::span<const std::byte> piece) {
    expected.resize(piece.size());
    original.checkpoint.read(before, begin, expected);
    check(same_bytes(piece, expected), "tensor '", info.name, "' should be a copy, but its bytes differ");
  });
}

constexpr std::uint64_t kBeginningBytes = 4096;

/// The first bytes of each matrix of an expert: they tell experts apart.
std::vector<std::byte> beginning_of_expert(const model::Model& model, std::int64_t layer, std::int64_t expert) {
  std::vector<std::byte> all;
  const auto add = [&](const std::string& name, std::int64_t index, std::int64_t count) {
    const TensorInfo& info = model.checkpoint.at(name);
    const std::uint64_t size = info.num_bytes() / static_cast<std::uint64_t>(count);
    const std::uint64_t part = std::min(kBeginningBytes, size);
    all.resize(all.size() + part);
    model.checkpoint.read(info, size * static_cast<std::uint64_t>(index), std::span(all).last(part));
  };
  if (model.layout.fused) {
    const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
    for (const std::string& name : {model.layout.gate_up, model.layout.down}) {
      add(model::fill_name(name, layer), expert, num_experts);
    }
    return all;
  }
  Expert unused;
  for_each_tensor(unused, model.config, model.layout, layer, expert,
                  [&](Tensor&, const std::string& name, const std::vector<std::int64_t>&) { add(name, 0, 1); });
  return all;
}

bool is_same_expert(const model::Model& original, std::int64_t anchor, const model::Model& written, std::int64_t expert,
                    std::int64_t layer, bool beginning_only) {
  if (beginning_only) {
    return beginning_of_expert(original, layer, anchor) == beginning_of_expert(written, layer, expert);
  }
  const Expert before = model::stored_expert(original, layer, anchor);
  const Expert after = model::stored_expert(written, layer, expert);
  return same_bytes(after.gate, before.gate) && same_bytes(after.up, before.up) &&
         same_bytes(after.down, before.down) && same_bytes(after.up_bias, before.up_bias) &&
         same_bytes(after.down_bias, before.down_bias);
}

/// Groups of one without a factor are the stored experts themselves.
void check_kept_experts(const model::Model& original, const model::Model& written, const LayerPlan& layer,
                        bool beginning_only) {
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    const ExpertGroup& group = layer.groups[g];
    if (!group.is_single() || group.scale != 1.0) continue;
    const bool same =
        is_same_expert(original, group.anchor, written, static_cast<std::int64_t>(g), layer.layer, beginning_only);
    check(same, "layer ", layer.layer, ", expert ", g, " of the output should be expert ", group.anchor,
          " of the original, but its bytes differ");
  }
}

/// @param only_singles  rows of merged groups are new
void check_kept_rows(const model::Model& original, const model::Model& written, const std::string& name,
                     const Groups& groups, bool only_singles) {
  const Tensor before = model::stored_tensor(original.checkpoint, name);
  const Tensor after = model::stored_tensor(written.checkpoint, name);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (only_singles && !groups[g].is_single()) continue;
    check(same_bytes(after[static_cast<std::int64_t>(g)], before[groups[g].anchor]), "tensor '", name,
          "' of the output: row ", g, " should be row ", groups[g].anchor, " of the original, but its bytes differ");
  }
}

void check_layer(const model::Model& original, const model::Model& written, const LayerPlan& layer,
                 const TensorHashes* hashes) {
  for (const TensorInfo* info : routed_tensors(written, layer.layer)) {
    const Tensor tensor = model::stored_tensor(written.checkpoint, info->name);
    check(all_finite(tensor), "tensor '", info->name, "' of the output holds NaN or infinite values");
    if (hashes == nullptr) continue;
    Hasher hasher;
    hasher.add(bytes_of(tensor));
    check_hash(info->name, hasher, *hashes);
  }
  check_kept_experts(original, written, layer, /*beginning_only=*/hashes != nullptr);
  if (find_router_rule(layer.router).keeps_single_rows) {
    check_kept_rows(original, written, model::fill_name(original.layout.router, layer.layer), layer.groups,
                    /*only_singles=*/true);
  }
  const std::string& bias = original.family->names.correction_bias;
  if (!bias.empty()) {
    check_kept_rows(original, written, model::fill_name(bias, layer.layer), layer.groups, /*only_singles=*/false);
  }
}

}  // namespace

Verification verify_checkpoint(const model::Model& original, const Plan& plan, const std::filesystem::path& folder,
                               const Listener& listener, const TensorHashes* hashes) {
  const model::Model written = model::open_model(folder);
  check_specs(written.checkpoint, tensors_after(original, plan));
  check_config(written, config_after(original, plan), experts_after(plan, original.config));
  check_index(written.checkpoint);
  Verification result{.parameters_before = original.checkpoint.num_parameters(),
                      .parameters_after = written.checkpoint.num_parameters(),
                      .bytes_before = original.checkpoint.total_bytes(),
                      .bytes_after = written.checkpoint.total_bytes()};
  const auto total = static_cast<std::int64_t>(written.checkpoint.tensors().size());
  const auto count = [&](std::int64_t tensors) {
    result.num_tensors += tensors;
    listener.progress({"verifying", "tensors", result.num_tensors, total});
  };
  const std::set<std::string> routed = routed_tensor_names(written);
  for (const TensorInfo& info : written.checkpoint.tensors()) {
    if (routed.contains(info.name)) continue;
    check_copy(original, written.checkpoint, info, hashes);
    ++result.num_copied;
    count(1);
  }
  for (const LayerPlan& layer : plan.layers) {
    check_layer(original, written, layer, hashes);
    count(static_cast<std::int64_t>(routed_tensors(written, layer.layer).size()));
  }
  return result;
}

}  // namespace uncurl::prune
