#include "uncurl/prune/verify.h"

#include <ATen/ATen.h>

#include <array>
#include <cstring>

#include "uncurl/base/error.h"
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

void check_copy(const model::Model& original, const checkpoint::Checkpoint& written, const TensorInfo& info) {
  const TensorInfo& before = original.checkpoint.at(info.name);
  check(same_bytes(written.bytes(info), original.checkpoint.bytes(before)), "tensor '", info.name,
        "' should be a copy, but its bytes differ");
  original.checkpoint.release(std::array{&before});
  written.release(std::array{&info});
}

/// Groups of one without a factor are the stored experts themselves.
void check_kept_experts(const model::Model& original, const model::Model& written, const LayerPlan& layer) {
  for (std::size_t g = 0; g < layer.groups.size(); ++g) {
    const ExpertGroup& group = layer.groups[g];
    if (!group.is_single() || group.scale != 1.0) continue;
    const Expert before = model::stored_expert(original, layer.layer, group.anchor);
    const Expert after = model::stored_expert(written, layer.layer, static_cast<std::int64_t>(g));
    const bool same = same_bytes(after.gate, before.gate) && same_bytes(after.up, before.up) &&
                      same_bytes(after.down, before.down) && same_bytes(after.up_bias, before.up_bias) &&
                      same_bytes(after.down_bias, before.down_bias);
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

void check_layer(const model::Model& original, const model::Model& written, const LayerPlan& layer) {
  const std::vector<const TensorInfo*> infos = routed_tensors(written, layer.layer);
  for (const TensorInfo* info : infos) {
    check(all_finite(model::stored_tensor(written.checkpoint, info->name)), "tensor '", info->name,
          "' of the output holds NaN or infinite values");
  }
  check_kept_experts(original, written, layer);
  if (find_router_rule(layer.router).keeps_single_rows) {
    check_kept_rows(original, written, model::fill_name(original.layout.router, layer.layer), layer.groups,
                    /*only_singles=*/true);
  }
  const std::string& bias = original.family->names.correction_bias;
  if (!bias.empty()) {
    check_kept_rows(original, written, model::fill_name(bias, layer.layer), layer.groups, /*only_singles=*/false);
  }
  original.checkpoint.release(routed_tensors(original, layer.layer));
  written.checkpoint.release(infos);
}

}  // namespace

Verification verify_checkpoint(const model::Model& original, const Plan& plan, const std::filesystem::path& folder,
                               const Listener& listener) {
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
    check_copy(original, written.checkpoint, info);
    ++result.num_copied;
    count(1);
  }
  for (const LayerPlan& layer : plan.layers) {
    check_layer(original, written, layer);
    count(static_cast<std::int64_t>(routed_tensors(written, layer.layer).size()));
  }
  return result;
}

}  // namespace uncurl::prune
