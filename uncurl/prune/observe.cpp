#include "uncurl/prune/observe.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "uncurl/base/error.h"
#include "uncurl/base/file.h"
#include "uncurl/base/hash.h"
#include "uncurl/prune/check_stats.h"
#include "uncurl/prune/collect.h"
#include "uncurl/prune/pruneable.h"
#include "uncurl/prune/resume.h"

namespace uncurl::prune {
namespace {

/// All rows of a sweep: the observed rows source by source, then the held-out rows source by source. Held-out files
/// have no observed rows; they come last, so the segments number the sources that have statistics.
struct SweepRows {
  model::PackedRows all;
  std::int64_t num_observed_tokens = 0;
  std::vector<Segment> segments;
  HeldOut held_out;  ///< without what the model makes of them
};

SweepRows pack_sources(const std::vector<text::SampledSource>& sources) {
  SweepRows packed;
  std::vector<std::vector<std::int32_t>> rows, held_out;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const std::int64_t begin = packed.num_observed_tokens;
    for (const text::TokenRow& row : sources[s].observed) {
      rows.push_back(row.ids);
      packed.num_observed_tokens += static_cast<std::int64_t>(row.ids.size());
    }
    if (!sources[s].observed.empty()) packed.segments.push_back({begin, packed.num_observed_tokens, s});
    for (const text::TokenRow& row : sources[s].held_out) {
      held_out.push_back(row.ids);
      packed.held_out.source_of_row.push_back(static_cast<std::int64_t>(packed.held_out.source_names.size()));
    }
    if (!sources[s].held_out.empty()) packed.held_out.source_names.push_back(sources[s].name);
  }
  packed.held_out.rows = model::pack_rows(held_out);
  rows.insert(rows.end(), held_out.begin(), held_out.end());
  packed.all = model::pack_rows(rows);
  return packed;
}

/// The tokens with the smallest hashes of their numbers, by hash: the first m of them are what a sample of m would be.
std::vector<std::int64_t> choose_sample(std::int64_t num_tokens, std::int64_t sample_tokens) {
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(num_tokens));
  std::iota(tokens.begin(), tokens.end(), 0);
  const auto hash = [](std::int64_t token) { return hash64(static_cast<std::uint64_t>(token), std::uint64_t{0}); };
  const std::int64_t count = std::min(num_tokens, sample_tokens);
  std::partial_sort(tokens.begin(), tokens.begin() + count, tokens.end(),
                    [&](std::int64_t a, std::int64_t b) { return hash(a) < hash(b); });
  tokens.resize(static_cast<std::size_t>(count));
  return tokens;
}

Tensor source_of_tokens(const std::vector<std::int64_t>& tokens, const std::vector<Segment>& segments) {
  std::vector<std::int64_t> sources;
  for (const std::int64_t token : tokens) {
    const auto inside = [&](const Segment& segment) { return token >= segment.begin && token < segment.end; };
    sources.push_back(static_cast<std::int64_t>(std::find_if(segments.begin(), segments.end(), inside)->source));
  }
  return at::tensor(sources, at::kLong);
}

SourceInfo source_info(const text::SampledSource& source) {
  const auto tokens = [](const std::vector<text::TokenRow>& rows) {
    std::int64_t sum = 0;
    for (const text::TokenRow& row : rows) sum += static_cast<std::int64_t>(row.ids.size());
    return sum;
  };
  return {.name = source.name,
          .weight = source.weight,
          .content_hash = source.content_hash,
          .num_records = source.num_records,
          .num_left_out = source.left_out.count(),
          .num_rows = static_cast<std::int64_t>(source.observed.size()),
          .num_tokens = tokens(source.observed),
          .num_cut = source.num_cut,
          .longest = source.longest_tokens,
          .num_held_out_rows = static_cast<std::int64_t>(source.held_out.size()),
          .num_held_out_tokens = tokens(source.held_out)};
}

void check_ids(const model::PackedRows& rows, const model::ModelConfig& config) {
  const std::int64_t largest = rows.ids_N.max().item<std::int64_t>();
  check(largest < config.vocab_size, "the tokenizer gives id ", largest, ", but the model's vocabulary has ",
        config.vocab_size, " entries; does the tokenizer belong to this checkpoint?");
}

RoutingStats described(const model::Model& model, const Compute& compute,
                       const std::vector<text::SampledSource>& sources, const SweepRows& rows,
                       const ObserveOptions& options) {
  RoutingStats stats{.provenance = options.provenance};
  stats.provenance["model_type"] = model.config.model_type;
  stats.provenance["model_fingerprint"] = model.checkpoint.fingerprint();
  stats.provenance["dtype"] = at::toString(compute.dtype);
  stats.provenance["sample_tokens"] = options.sample_tokens;
  stats.provenance["input_tokens"] = options.input_tokens;
  for (const Segment& segment : rows.segments) stats.sources.push_back(source_info(sources[segment.source]));
  stats.request = request_key(stats, rows.all);
  return stats;
}

/// One MoE layer that its observed tokens leave replaced. Its statistics and the held-out rows are the original's.
void observe_replaced_(Tensor& hidden_ND, const SweepRows& rows, const model::LayerStream& stream, std::int64_t layer,
                       StatsCollector& collector, const ReplaceLayer& replace, RoutingStats stats,
                       const Listener& listener) {
  const std::int64_t num_held_out = rows.held_out.rows.num_rows();
  const model::PackedRows observed = model::slice_rows(rows.all, 0, rows.all.num_rows() - num_held_out);
  Tensor observed_ND = hidden_ND.narrow(0, 0, rows.num_observed_tokens);
  Tensor held_out_ND = hidden_ND.narrow(0, rows.num_observed_tokens, rows.held_out.rows.num_tokens());
  model::SweepOptions sweep{.first_layer = layer, .end_layer = layer + 1, .label = "observing"};
  Tensor unpruned_ND = observed_ND.clone();
  model::sweep_layers_(unpruned_ND, observed, stream, sweep, &collector, listener);
  check_layer_stats(collector.layers().back());  // before it is planned from
  if (num_held_out > 0) model::sweep_layers_(held_out_ND, rows.held_out.rows, stream, sweep, nullptr, listener);
  stats.layers = {collector.layers().back()};
  sweep.edit = [&](model::LayerWeights weights, std::int64_t) { return replace(std::move(weights), stats); };
  sweep.label = "pruning";
  model::sweep_layers_(observed_ND, observed, stream, sweep, nullptr, listener);
}

/// Lets a layer be finished before an interruption stops the run: its hidden states are worth saving only whole.
class PatientListener {
 public:
  explicit PatientListener(const Listener& listener) : listener_(listener) {}

  Listener listener() {
    return {.on_progress = [this](const Progress& step) { show(step); },
            .on_note = listener_.on_note,
            .on_warning = listener_.on_warning};
  }
  bool is_interrupted() const { return is_interrupted_; }

 private:
  void show(const Progress& step) {
    try {
      listener_.progress(step);
    } catch (const Interrupted&) {
      if (!is_interrupted_) listener_.note(step.label + ": finishing this layer; interrupt again to stop at once");
      is_interrupted_ = true;
    }
  }

  const Listener& listener_;
  bool is_interrupted_ = false;
};

/// Runs the layers that are left. @param after_layer  as in SweepOptions; @param stats  without layers
void observe_layers_(Tensor& hidden_ND, const SweepRows& rows, const model::LayerStream& stream,
                     std::int64_t first_layer, StatsCollector& collector, const ReplaceLayer& replace,
                     const RoutingStats& stats, const std::function<void(std::int64_t)>& after_layer,
                     const Listener& listener) {
  const model::ModelConfig& config = stream.model().config;
  const auto check_and_go_on = [&](std::int64_t layer) {
    if (config.layers[static_cast<std::size_t>(layer)].moe) check_layer_stats(collector.layers().back());
    after_layer(layer);
  };
  model::SweepOptions sweep{.first_layer = first_layer, .label = "observing", .after_layer = check_and_go_on};
  if (!replace) model::sweep_layers_(hidden_ND, rows.all, stream, sweep, &collector, listener);
  for (std::int64_t layer = first_layer; replace && layer < config.num_layers(); ++layer) {
    if (config.layers[static_cast<std::size_t>(layer)].moe) {
      observe_replaced_(hidden_ND, rows, stream, layer, collector, replace, stats, listener);
      check_and_go_on(layer);
    } else {
      sweep.first_layer = layer;
      sweep.end_layer = layer + 1;
      model::sweep_layers_(hidden_ND, rows.all, stream, sweep, nullptr, listener);
    }
  }
}

/// The same with the state saved on the way. Without a place for it, an interruption stops at once.
void observe_resumably_(Tensor& hidden_ND, const SweepRows& rows, const model::LayerStream& stream,
                        std::int64_t first_layer, StatsCollector& collector, const ReplaceLayer& replace,
                        const RoutingStats& stats, ObserveState& state, const SaveSchedule& schedule,
                        const Listener& listener) {
  if (state.path().empty()) {
    observe_layers_(
        hidden_ND, rows, stream, first_layer, collector, replace, stats, [](std::int64_t) {}, listener);
    return;
  }
  PatientListener patient(listener);
  const auto after_layer = [&](std::int64_t layer) {
    const bool is_due = state.is_due(layer + 1, schedule);
    if (is_due || patient.is_interrupted()) state.save({layer + 1, hidden_ND, collector.layers()});
    if (patient.is_interrupted()) {
      throw InterruptedAfter(
          concat("interrupted; the same command resumes after layer ", layer + 1, " from ", state.path().string()));
    }
  };
  try {
    observe_layers_(hidden_ND, rows, stream, first_layer, collector, replace, stats, after_layer, patient.listener());
  } catch (const StateNotSaved&) {
    throw;
  } catch (const Error&) {  // of a layer: resuming would only fail again
    discard_state(state.path());
    throw;
  }
}

}  // namespace

RoutingStats observe(const model::Model& model, const Compute& compute, const std::vector<text::SampledSource>& sources,
                     const ObserveOptions& options, const Listener& listener) {
  check_pruneable(model);
  const SweepRows rows = pack_sources(sources);
  check(rows.num_observed_tokens > 0, "there is no row to observe: the sources hold ", rows.held_out.rows.num_rows(),
        " held-out rows and no others");
  check_ids(rows.all, model.config);
  check(options.input_tokens <= options.sample_tokens, "cannot keep the inputs of ", options.input_tokens,
        " tokens: only ", options.sample_tokens, " are sampled");
  const std::vector<std::int64_t> sample = choose_sample(rows.num_observed_tokens, options.sample_tokens);
  std::vector<std::int64_t> experts_of_layer;
  for (const model::LayerKind& kind : model.config.layers) experts_of_layer.push_back(kind.num_experts);
  StatsCollector collector(rows.segments, rows.segments.size(), sample, options.input_tokens, experts_of_layer);

  const model::LayerStream stream(model, compute);
  stream.check_last_tensors();
  RoutingStats stats = described(model, compute, sources, rows, options);
  const StatsSize size{.num_sources = static_cast<std::int64_t>(stats.sources.size()),
                       .num_tokens = rows.all.num_tokens(),
                       .sample_tokens = options.sample_tokens,
                       .input_tokens = options.input_tokens};
  const std::int64_t layer_bytes = stats_bytes(model.config, size, compute.dtype);
  const SaveSchedule schedule = save_schedule(
      model.config.num_layers(), hidden_bytes(model.config, size, compute.dtype), layer_bytes, options.save_seconds);
  ObserveState state(options.state, stats.request, listener);
  if (!options.state.empty())
    check_space(options.state, bytes_to_come(options.state, model.config, size, compute.dtype));
  Tensor hidden_ND;
  std::int64_t first_layer = 0;
  const ResumeShape shape{.experts_of_layer = experts_of_layer,
                          .num_tokens = rows.all.num_tokens(),
                          .hidden_size = model.config.hidden_size,
                          .num_samples = static_cast<std::int64_t>(sample.size()),
                          .dtype = compute.dtype,
                          .num_sources = stats.sources.size()};
  if (std::optional<ResumePoint> point = state.load(shape)) {
    hidden_ND = std::move(point->hidden_ND);
    collector.restore(std::move(point->layers));
    first_layer = point->next_layer;
  } else {
    hidden_ND = stream.embed(rows.all);
  }
  stats.sample_tokens = at::tensor(sample, at::kLong);
  stats.sample_source = source_of_tokens(sample, rows.segments);
  observe_resumably_(hidden_ND, rows, stream, first_layer, collector, options.replace, stats, state, schedule,
                     listener);

  stats.layers = collector.layers();
  stats.held_out = rows.held_out;
  const Tensor held_out_ND = hidden_ND.narrow(0, rows.num_observed_tokens, rows.held_out.rows.num_tokens());
  stats.held_out.final_ND = stream.final_norm(held_out_ND);
  return stats;
}

std::string request_of(const model::Model& model, const Compute& compute,
                       const std::vector<text::SampledSource>& sources, const ObserveOptions& options) {
  return described(model, compute, sources, pack_sources(sources), options).request;
}

std::int64_t hidden_bytes(const model::ModelConfig& config, const StatsSize& size, at::ScalarType dtype) {
  return size.num_tokens * config.hidden_size * static_cast<std::int64_t>(at::elementSize(dtype));
}

std::int64_t state_bytes(const model::ModelConfig& config, const StatsSize& size, at::ScalarType dtype) {
  return stats_bytes(config, size, dtype) + 2 * hidden_bytes(config, size, dtype);
}

std::uint64_t bytes_to_come(const std::filesystem::path& state, const model::ModelConfig& config, const StatsSize& size,
                            at::ScalarType dtype) {
  const auto all = static_cast<std::uint64_t>(state_bytes(config, size, dtype));
  return all - std::min(all, bytes_of_state(state));
}

}  // namespace uncurl::prune
