// What a page is made from: a model, its tasks, and the smaller models that were tried, as sweep.json holds them
// (docs/formats.md). A checkpoint written by `prune` is a study of one point; `uncurl study` trained its models itself.
// Whatever a file lacks is empty here and left out of the page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "uncurl/report/numbers.h"
#include "uncurl/report/trained.h"

namespace uncurl::report {

struct ModelFacts {
  std::string name, family;
  std::optional<std::int64_t> num_layers, num_experts, top_k, parameters, active_parameters, bytes;
};

struct TaskFacts {
  std::string name;
  std::optional<std::int64_t> observed_tokens, held_out_tokens;
  std::optional<double> weight;
};

struct Score {
  std::string metric;  ///< "acc"; higher is better
  std::int64_t n = 0;  ///< items
  Estimate value;
};

/// One model on the held-out rows of one task, or of all of them (task "all").
struct TaskResult {
  std::string task;
  std::optional<std::int64_t> num_tokens;
  std::optional<Estimate> loss;        ///< nats a token
  std::optional<Estimate> perplexity;  ///< exp(loss)
  std::optional<Estimate> kl;          ///< KL(original || smaller), nats a token
  std::optional<Estimate> agreement;   ///< share of tokens with the same likeliest next token
  std::optional<Score> score;
};

/// A method at a number of experts.
struct Point {
  std::string method, router;
  std::int64_t experts = 0;  ///< of the layer that keeps most
  bool mixed = false;        ///< layers keep different numbers
  std::optional<std::int64_t> parameters, bytes;
  std::optional<double> predicted_speed;    ///< times the original's
  std::optional<double> predicted_error;    ///< of the layers' outputs, relative
  std::optional<Estimate> kl_beyond_least;  ///< over all tasks, beside the best with as many experts, paired by row
  std::optional<double> seconds;
  std::vector<TaskResult> results;
};

struct MethodThreshold {
  std::string method;
  std::optional<std::int64_t> experts;  ///< empty: no tried count stays within the tolerance
  std::optional<std::int64_t> low, high;
};

struct Threshold {
  double tolerance = 0;  ///< nats a token above the original
  std::string measure;
  std::vector<MethodThreshold> methods;
};

using Matrix = std::vector<std::vector<double>>;
using Groups = std::vector<std::vector<std::int64_t>>;

template <class Value>
using ByCount = std::vector<std::pair<std::int64_t, Value>>;
template <class Value>
using ByMethod = std::vector<std::pair<std::string, Value>>;

struct LayerFacts {
  std::int64_t layer = 0;
  Matrix usage;                      ///< [tasks, E] share of the selections
  Matrix affinity;                   ///< [E, E]
  ByMethod<ByCount<double>> error;   ///< predicted relative error of the layer's output
  ByMethod<ByCount<Groups>> groups;  ///< members of each new expert
};

/// What a metric of a task lost or gained, item by item against the original.
struct ScoreChange {
  std::string task, metric;
  std::int64_t n = 0;  ///< items
  Estimate original, model;
  Estimate difference;                               ///< model - original, paired by item
  std::optional<std::int64_t> num_lost, num_gained;  ///< items that only the original, only the model gets right
  std::optional<double> p;                           ///< of the exact McNemar test
};

struct CrossTask {
  std::string method;
  std::int64_t experts = 0;
  std::vector<std::string> tasks;
  std::vector<std::vector<Estimate>> kl;  ///< [observed on, scored on]
  Matrix overlap;                         ///< share of used experts in common
};

/// How well ranks of predicted error and measured loss agree (Spearman).
struct RankCorrelation {
  Estimate spearman;
  std::int64_t num_pairs = 0;
};

struct Prediction {
  RankCorrelation all;
  std::vector<std::pair<std::int64_t, RankCorrelation>> by_count;  ///< among the points with one number of experts
};

struct Study {
  std::string place;    ///< the files it was read from
  std::string version;  ///< of uncurl
  std::string command;
  ModelFacts model;
  std::vector<TaskFacts> tasks;
  std::vector<TaskResult> original;
  std::vector<Point> points;
  std::optional<Threshold> threshold;
  std::vector<std::size_t> pareto;  ///< points that no other beats in both size and loss
  std::optional<Prediction> prediction;
  std::vector<LayerFacts> layers;
  std::optional<CrossTask> cross_task;
  std::vector<ScoreChange> changes;
  std::optional<TrainedModels> trained;  ///< of `uncurl study`, which has nothing of the above but a name
  std::vector<std::pair<std::string, double>> timings;  ///< seconds by stage
};

}  // namespace uncurl::report
