#include "uncurl/model/fit.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "uncurl/base/error.h"
#include "uncurl/base/input_file.h"
#include "uncurl/base/join.h"
#include "uncurl/model/missing.h"
#include "uncurl/tensor/bytes.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::model {
namespace {

using checkpoint::Checkpoint;
using checkpoint::TensorInfo;

void expect_tensor(const Checkpoint& checkpoint, const std::string& name, const std::vector<std::int64_t>& shape) {
  if (checkpoint.find(name) == nullptr) {
    fail(checkpoint.folder().string(), ": has no tensor '", name, "'; ", instead_of(checkpoint, name));
  }
  const TensorInfo& info = checkpoint.at(name);
  const std::filesystem::path& file = checkpoint.file_of(info);
  check(info.shape == shape, file.string(), ": tensor '", name, "' is ", shape_text(info.shape),
        ", but config.json implies ", shape_text(shape),
        "; was the config changed, or the checkpoint pruned by a tool that left it as it was?");
  check(scalar_type(info.dtype).has_value() && at::isFloatingType(*scalar_type(info.dtype)), file.string(),
        ": tensor '", name, "' has dtype ", info.dtype,
        "; this program computes with BF16, F16 and F32. Expand it to BF16 first");
}

/// Of tensors of one size, in pieces. Returns at the first difference.
bool same_bytes(const Checkpoint& checkpoint, const TensorInfo& a, const TensorInfo& b) {
  std::vector<std::byte> of_a, of_b;
  for (std::uint64_t begin = 0; begin < a.num_bytes(); begin += kPieceBytes) {
    const std::uint64_t size = std::min<std::uint64_t>(kPieceBytes, a.num_bytes() - begin);
    of_a.resize(size);
    of_b.resize(size);
    checkpoint.read(a, begin, of_a);
    checkpoint.read(b, begin, of_b);
    if (of_a != of_b) return false;
  }
  return true;
}

/// Of matrices of one shape in different dtypes, likewise.
bool same_numbers(const Checkpoint& checkpoint, const TensorInfo& a, const TensorInfo& b) {
  if (a.shape.empty() || !scalar_type(a.dtype) || !scalar_type(b.dtype)) return false;
  constexpr std::int64_t kRows = 1024;
  for (std::int64_t first = 0; first < a.shape.front(); first += kRows) {
    const std::int64_t count = std::min(kRows, a.shape.front() - first);
    const auto rows = [&](const std::string& name) {
      return stored_rows(checkpoint, name, first, count).to(at::kFloat);
    };
    if (!at::equal(rows(a.name), rows(b.name))) return false;
  }
  return true;
}

using NameVisitor = std::function<void(const std::string& name)>;

/// Calls visit(name) for every tensor that running the model reads.
void for_each_name(const Model& model, const NameVisitor& visit) {
  const TensorVisitor visit_name = [&](Tensor&, const std::string& name, const std::vector<std::int64_t>&) {
    visit(name);
  };
  OuterWeights outer;
  for_each_outer_tensor(outer, model.config, *model.family, visit_name);
  LayerWeights unused;
  for (std::int64_t layer = 0; layer < model.config.num_layers(); ++layer) {
    for_each_tensor(unused, model.config, *model.family, model.layout, layer, visit_name);
    const std::int64_t num_experts = model.config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (num_experts == 0) continue;
    for (const ExpertTensor& tensor : expert_tensors(model.config, model.layout, layer, num_experts)) {
      visit(tensor.name);
    }
  }
}

/// "lm_head." of "lm_head.weight".
std::string module_of(const std::string& name) { return name.substr(0, name.rfind('.') + 1); }

/// "model.layers.": what every name in a layer begins with.
std::string layers_prefix(const Family& family) {
  return family.names.input_norm.substr(0, family.names.input_norm.find("{layer}"));
}

bool is_recomputed(const std::string& name) { return name.ends_with("rotary_emb.inv_freq"); }

std::string way_out(const Model& model, const std::vector<std::string>& names) {
  const auto any = [&](std::string_view part) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name.find(part) != std::string::npos; });
  };
  if (any("scale") || any("qzeros")) {
    return "they are the scales of quantised weights: expand the checkpoint to BF16 first";
  }
  const std::string prefix = layers_prefix(*model.family);
  for (const std::string& name : names) {
    if (!name.starts_with(prefix)) continue;
    const std::string number = name.substr(prefix.size(), name.find('.', prefix.size()) - prefix.size());
    const bool digits = !number.empty() && number.size() < 10 &&
                        std::all_of(number.begin(), number.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (digits && std::stoll(number) >= model.config.num_layers()) {
      return concat(
          "num_hidden_layers is ", model.config.num_layers(), ", and layer ", number,
          " lies beyond: if it predicts further tokens (MTP), save the model without it "
          "(AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER)), else correct the number");
    }
  }
  return concat("is the model of another architecture than model_type '", model.config.model_type,
                "' says? If so, no model_type of this program fits it; else save it again with transformers, which "
                "leaves out what it does not read");
}

}  // namespace

const ExpertLayout& find_layout(const Checkpoint& checkpoint, const Family& family, const ModelConfig& config) {
  const std::vector<std::int64_t> moe_layers = config.moe_layers();
  if (moe_layers.empty()) return family.layouts.front();
  const std::int64_t layer = moe_layers.front();
  std::vector<std::string> expected;
  for (const ExpertLayout& layout : family.layouts) {
    const std::string router = fill_name(layout.router, layer), down = fill_name(layout.down, layer, 0);
    if (checkpoint.find(router) != nullptr && checkpoint.find(down) != nullptr) return layout;
    expected.push_back("'" + router + "' with '" + down + "'");
  }
  fail(checkpoint.folder().string(), ": found no experts of family ", family.model_type, " in layer ", layer,
       "; expected tensors ", join(expected, " or "), ", but ",
       instead_of(checkpoint, fill_name(family.layouts.front().router, layer)));
}

bool is_head_tied(const Checkpoint& checkpoint, const TensorNames& names, bool tie_word_embeddings) {
  const TensorInfo* const head = checkpoint.find(names.head);
  const TensorInfo* const embeddings = checkpoint.find(names.embeddings);
  if (!tie_word_embeddings) {
    check(head != nullptr || embeddings == nullptr, checkpoint.folder().string(), ": has no tensor '", names.head,
          "', though tie_word_embeddings in config.json is false; is the checkpoint complete? If its head is meant to "
          "be '",
          names.embeddings, "', set tie_word_embeddings to true");
    return false;
  }
  if (head == nullptr) return true;
  check(embeddings != nullptr, checkpoint.folder().string(), ": has '", names.head, "', but no '", names.embeddings,
        "', which tie_word_embeddings in config.json makes the same; store it under the name of the embeddings");
  if (head->shape != embeddings->shape) return false;
  return head->dtype == embeddings->dtype ? same_bytes(checkpoint, *head, *embeddings)
                                          : same_numbers(checkpoint, *head, *embeddings);
}

void check_tensors(const Model& model) {
  const Checkpoint& checkpoint = model.checkpoint;
  const ModelConfig& config = model.config;
  const TensorVisitor expect = [&](Tensor&, const std::string& name, const std::vector<std::int64_t>& shape) {
    expect_tensor(checkpoint, name, shape);
  };
  OuterWeights outer;
  for_each_outer_tensor(outer, config, *model.family, expect);
  LayerWeights unused;
  for (std::int64_t layer = 0; layer < config.num_layers(); ++layer) {
    for_each_tensor(unused, config, *model.family, model.layout, layer, expect);
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer)].num_experts;
    if (num_experts == 0) continue;
    for (const ExpertTensor& tensor : expert_tensors(config, model.layout, layer, num_experts)) {
      expect_tensor(checkpoint, tensor.name, tensor.shape);
    }
    const std::string beyond = fill_name(model.layout.down, layer, num_experts);
    check(model.layout.fused || checkpoint.find(beyond) == nullptr, checkpoint.folder().string(), ": config.json says ",
          num_experts, " experts, but there is also '", beyond,
          "'; was the config changed, or was only a part of the experts taken away?");
  }
}

std::string unread_tensors(const Model& model) {
  std::unordered_set<std::string> read = {model.family->names.head};  // of a tied model it may be stored all the same
  std::unordered_set<std::string> modules;
  const std::string layers = layers_prefix(*model.family);
  for_each_name(model, [&](const std::string& name) {
    read.insert(name);
    if (!name.starts_with(layers)) modules.insert(module_of(name));
  });
  std::vector<std::string> unread;
  for (const TensorInfo& info : model.checkpoint.tensors()) {
    if (read.contains(info.name) || is_recomputed(info.name)) continue;
    const bool counts = info.name.starts_with(layers) || modules.contains(module_of(info.name)) ||
                        info.name.find("experts.") != std::string::npos;
    if (counts) unread.push_back(info.name);
  }
  if (unread.empty()) return "";
  constexpr std::size_t kNamesShown = 3;
  std::vector<std::string> shown;
  for (const std::string& name : unread) {
    if (shown.size() < kNamesShown) shown.push_back("'" + name + "'");
  }
  const std::string more = unread.size() > kNamesShown ? concat(" and ", unread.size() - kNamesShown, " more") : "";
  return concat(model.folder().string(), ": family ", model.config.model_type, " does not read ", unread.size(),
                " of the stored tensors, ", join(shown), more,
                ", and tensors in such places change what a model computes, or belong to experts by number; ",
                way_out(model, unread));
}

}  // namespace uncurl::model
