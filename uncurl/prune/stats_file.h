// stats.safetensors: the statistics of one observation. docs/formats.md describes every tensor.
#pragma once

#include <filesystem>

#include "uncurl/model/tensor_file.h"
#include "uncurl/prune/stats.h"

namespace uncurl::prune {

/// Since 3, sums are taken in blocks of kBlockTokens (collect.h): other last bits than in version 2, which is still
/// read.
constexpr int kStatsVersion = 3;

void write_stats(const std::filesystem::path& path, const RoutingStats& stats);

/// @throws Error naming the file if it is no statistics file, one of another version, or not as check_stats wants it
RoutingStats read_stats(const std::filesystem::path& path);

/// @throws Error also if it is of a model with other layers, experts, width or vocabulary than this config's
RoutingStats read_stats(const std::filesystem::path& path, const model::ModelConfig& config);

/// The same parts for the file that an interrupted observation resumes from.
void append_layers(const std::vector<LayerStats>& layers, model::NamedTensors& tensors);
LayerStats read_layer(const model::TensorFile& file, std::int64_t layer, std::size_t num_sources);

}  // namespace uncurl::prune
