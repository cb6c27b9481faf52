#include "uncurl/prune/check_stats.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "uncurl/base/error.h"
#include "uncurl/tensor/bytes.h"
#include "uncurl/tensor/finite.h"
#include "uncurl/tensor/shape.h"

namespace uncurl::prune {
namespace {

void expect(const Tensor& tensor, at::ScalarType dtype, const std::vector<std::int64_t>& shape,
            const std::string& what) {
  expect_shape(tensor, shape, what);
  check(tensor.scalar_type() == dtype, what, " holds ", dtype_name(tensor.scalar_type()), ", expected ",
        dtype_name(dtype));
}

/// Of any number of rows. @return it
std::int64_t expect_rows(const Tensor& tensor, at::ScalarType dtype, const std::string& what) {
  check(tensor.defined() && tensor.dim() == 1, what, " should be a list of numbers");
  expect(tensor, dtype, {tensor.numel()}, what);
  return tensor.numel();
}

void expect_range(const Tensor& numbers, std::int64_t end, const std::string& what) {
  if (numbers.numel() == 0) return;
  const auto lowest = numbers.min().item<std::int64_t>(), highest = numbers.max().item<std::int64_t>();
  check(lowest >= 0 && highest < end, what, " holds ", lowest < 0 ? lowest : highest, ", expected 0 to ", end - 1);
}

/// The tensor is of experts in its last dimension; a NaN anywhere is that expert's.
void expect_finite(const Tensor& tensor, const std::string& what) {
  if (all_finite(tensor.contiguous())) return;
  const Tensor by_expert = at::isfinite(tensor).reshape({-1, tensor.size(-1)}).all(0);
  const auto expert = at::nonzero(by_expert.logical_not())[0][0].item<std::int64_t>();
  fail(what, " of expert ", expert,
       " is NaN or infinite; its outputs overflow in the dtype they were computed in (observe again with --dtype f32), "
       "or the file is damaged");
}

void check_sums(ExpertSums sums, std::int64_t num_experts, const std::string& place) {
  for_each_sum(sums, [&](const char* name, Tensor& sum, bool) {
    const std::string what = place + name;
    const bool is_matrix = &sum == &sums.gram;
    const std::vector<std::int64_t> shape(is_matrix ? 2 : 1, num_experts);
    expect(sum, at::kDouble, shape, what);
    expect_finite(sum, what);
  });
  check(std::isfinite(sums.num_tokens) && sums.num_tokens >= 0, place, "num_tokens is ", sums.num_tokens);
  const bool counts = sums.count.ge(0).all().item<bool>() && sums.norm_max.ge(0).all().item<bool>();
  check(counts, place, "count and norm_max should not be negative");
}

void check_sources(const RoutingStats& stats) {
  check(!stats.sources.empty(), "the statistics are of no source");
  for (const SourceInfo& source : stats.sources) {
    const std::int64_t least = std::min({source.num_records, source.num_rows, source.num_cut, source.longest,
                                         source.num_held_out_rows, source.num_held_out_tokens});
    check(source.num_tokens > 0 && least >= 0, "source '", source.name, "' has ", source.num_tokens,
          " tokens and a count of ", least, ", expected tokens and no negative count");
  }
}

void check_held_out(const HeldOut& held_out) {
  const std::vector<std::int64_t>& begins = held_out.rows.begins;
  const std::int64_t num_tokens = expect_rows(held_out.rows.ids_N, at::kLong, "held_out.ids");
  const bool ascends = std::adjacent_find(begins.begin(), begins.end(), std::greater_equal<>()) == begins.end();
  check(!begins.empty() && begins.front() == 0 && begins.back() == num_tokens && ascends,
        "held_out.begins should ascend from 0 to ", num_tokens, ", the number of tokens");
  check(held_out.source_of_row.size() + 1 == begins.size(), "held_out.source_of_row has ",
        held_out.source_of_row.size(), " entries for ", begins.size() - 1, " rows");
  for (const std::int64_t source : held_out.source_of_row) {
    check(source >= 0 && source < static_cast<std::int64_t>(held_out.source_names.size()),
          "held_out.source_of_row holds ", source, ", but there are ", held_out.source_names.size(), " sources");
  }
  const Tensor& final_ND = held_out.final_ND;
  check(final_ND.dim() == 2 && final_ND.size(0) == num_tokens && at::isFloatingType(final_ND.scalar_type()),
        "held_out.final is ", dtype_name(final_ND.scalar_type()), " ", shape_text(final_ND.sizes()), ", expected ",
        num_tokens, " rows of floating numbers");
  check(all_finite(final_ND.contiguous()),
        "held_out.final holds NaN or infinity: the model overflows in the dtype it was computed in (observe again with "
        "--dtype f32), or the file is damaged");
}

}  // namespace

void check_layer_stats(const LayerStats& layer) {
  check(!layer.sources.empty(), "layer ", layer.layer, ": the statistics are of no source");
  const Tensor& count = layer.sources.front().count;
  check(count.dim() == 1 && count.numel() > 0, "layer ", layer.layer, ": 'count' should have a number for each expert");
  for (std::size_t s = 0; s < layer.sources.size(); ++s) {
    check_sums(layer.sources[s], count.numel(), concat("layer ", layer.layer, ", source ", s, ": "));
  }
}

void check_layer_stats(const LayerStats& layer, std::int64_t num_samples) {
  check_layer_stats(layer);
  const std::string place = concat("layer ", layer.layer, ": ");
  expect(layer.sample_logits, at::kFloat, {num_samples, layer.sources.front().count.numel()}, place + "sample_logits");
  expect_finite(layer.sample_logits, place + "sample_logits");
  const Tensor& inputs = layer.sample_inputs;
  if (!inputs.defined()) return;
  check(inputs.dim() == 2 && inputs.size(0) <= num_samples && at::isFloatingType(inputs.scalar_type()), place,
        "sample_inputs is ", dtype_name(inputs.scalar_type()), " ", shape_text(inputs.sizes()),
        ", expected floating numbers of at most ", num_samples, " tokens");
  check(all_finite(inputs.contiguous()), place, "sample_inputs holds NaN or infinity; is the file damaged?");
}

void check_stats(const RoutingStats& stats) {
  check_sources(stats);
  const std::int64_t num_samples = expect_rows(stats.sample_tokens, at::kLong, "sample_tokens");
  expect(stats.sample_source, at::kLong, {num_samples}, "sample_source");
  expect_range(stats.sample_source, static_cast<std::int64_t>(stats.sources.size()), "sample_source");
  std::int64_t last = -1;
  for (const LayerStats& layer : stats.layers) {
    check(layer.layer > last, "layer ", layer.layer, " follows layer ", last, ": layers should ascend from 0");
    last = layer.layer;
    check_layer_stats(layer, num_samples);
  }
  check_held_out(stats.held_out);
}

void expect_stats_fit(const RoutingStats& stats, const model::ModelConfig& config) {
  const std::vector<std::int64_t> moe_layers = config.moe_layers();
  check(stats.layers.size() == moe_layers.size(), "the statistics have ", stats.layers.size(),
        " layers, the model has ", moe_layers.size(), " with experts");
  const auto expect_width = [&](const Tensor& tensor, const std::string& what) {
    check(tensor.size(1) == config.hidden_size, what, " is ", tensor.size(1), " wide in the statistics, but the model ",
          config.hidden_size);
  };
  for (std::size_t i = 0; i < moe_layers.size(); ++i) {
    const LayerStats& layer = stats.layers[i];
    check(layer.layer == moe_layers[i], "entry ", i, " of the statistics is layer ", layer.layer, ", expected layer ",
          moe_layers[i]);
    const std::int64_t num_experts = config.layers[static_cast<std::size_t>(layer.layer)].num_experts;
    check(layer.sources.front().count.numel() == num_experts, "layer ", layer.layer, " has ",
          layer.sources.front().count.numel(), " experts in the statistics, ", num_experts, " in the model");
    if (layer.sample_inputs.defined()) expect_width(layer.sample_inputs, concat("layer ", layer.layer));
  }
  expect_range(stats.held_out.rows.ids_N, config.vocab_size, "held_out.ids");
  expect_width(stats.held_out.final_ND, "the model's output");
}

}  // namespace uncurl::prune
