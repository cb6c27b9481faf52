// What the finished stages of a study say: scores with intervals over rows and seeds, differences between models,
// how fine a difference such a study can see, and what pretraining with more experts was worth.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/math/repeated.h"
#include "uncurl/study/protocol/stages.h"

namespace uncurl::study {

/// A finetuned model on a task.
struct ModelScore {
  Variant variant;
  std::string task;
  std::vector<std::int64_t> seeds;  ///< that are finished
  math::RepeatedScores scores;      ///< by these seeds and row
  math::Estimate estimate;          ///< share of rows that are right
};

/// Why two models are compared.
enum class Against {
  kScratch,   ///< as many experts, trained from scratch: the paper's question
  kUnpruned,  ///< the model that was pruned
  kDense      ///< a sparse model from scratch, and the dense one
};
const char* against_name(Against against);

struct ScoreDifference {
  std::string task;
  Variant variant, other;
  Against against = Against::kScratch;
  math::Estimate difference;         ///< of `variant` - of `other`, over the seeds that both have
  std::optional<double> detectable;  ///< what as many seeds find in 80% of such studies; none with a single seed
  std::optional<std::int64_t> seeds_needed;  ///< to detect StudyConfig::detect; none: its rows are too few
};

struct ValidationPoint {
  std::int64_t tokens = 0;
  double loss = 0;  ///< nats a token
};

/// A pretrained model.
struct Pretrained {
  Variant variant;
  std::int64_t parameters = 0, active_parameters = 0;
  std::vector<std::vector<ValidationPoint>> curves;  ///< by seed; the last point is after the last step

  double loss() const;  ///< at the end, mean over seeds
  /// Parameters of the dense model of equal loss, between the pretrained ones (linear in the logarithm of their size);
  /// none outside of them.
  std::optional<double> dense_equivalent;
};

/// What pruning did before any training, on held-out rows of the task.
struct PruningLoss {
  Variant variant;
  std::string task;
  std::vector<double> kl;  ///< by seed, KL(original || pruned), nats a token
};

/// Which experts of a model that is pruned a task uses; pretraining seed 0.
struct ExpertUse {
  Variant variant;
  std::string task;
  std::vector<std::int64_t> layers;
  std::vector<std::vector<double>> shares;  ///< by layer and expert
};

/// Experts of one layer as points: the second and third eigenvector of the normalised affinity (docs/method.md).
struct LayerEmbedding {
  std::int64_t layer = 0;
  std::vector<double> x, y;   ///< by expert
  std::vector<int> group;     ///< by expert, of the plan; -1: dropped
  std::vector<double> share;  ///< of the task's selections
};

struct ClusterEmbedding {
  Variant variant;
  std::string task;
  std::vector<LayerEmbedding> layers;
};

struct StudyResults {
  std::vector<Pretrained> pretrained;
  std::vector<PruningLoss> pruning;
  std::vector<ModelScore> scores;
  std::map<std::string, double> majority;  ///< by task: the score of always giving the commonest answer
  std::vector<ScoreDifference> differences;
  std::vector<ExpertUse> use;
  std::vector<ClusterEmbedding> embeddings;  ///< of method uncurl, seed 0
};

/// Reads what is finished; what is not is left out.
StudyResults collect(const StudyConfig& config, const std::vector<Stage>& stages);

/// Linear in the logarithm of x between two neighbouring points; none outside of all.
/// @param points  (parameters, loss), in any order
std::optional<double> parameters_of_equal_loss(std::vector<std::pair<double, double>> points, double loss);

}  // namespace uncurl::study
