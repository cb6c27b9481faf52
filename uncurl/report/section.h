// A chapter of the page about one study: its subject, one sentence with what the numbers say, and the evidence.
#pragma once

#include <optional>
#include <string>

#include "uncurl/report/html.h"
#include "uncurl/report/study.h"

namespace uncurl::report {

struct Section {
  std::string id;  ///< of the anchor, unique within a study
  std::string title;
  std::string takeaway;  ///< one sentence from the data; empty where there is nothing to say
  Html body;
};

// Each returns nothing where the study lacks what it shows.
Section subject_section(const Study& study);                     ///< what was done with which data
std::optional<Section> quality_section(const Study& study);      ///< loss against experts, with the threshold
std::optional<Section> ranking_section(const Study& study);      ///< methods in order at each count
std::optional<Section> score_section(const Study& study);        ///< task metrics against experts
std::optional<Section> change_section(const Study& study);       ///< metrics against the original's, item by item
std::optional<Section> size_section(const Study& study);         ///< size and speed against loss, Pareto front
std::optional<Section> usage_section(const Study& study);        ///< which experts a task uses, by layer
std::optional<Section> affinity_section(const Study& study);     ///< affinity by cluster, cluster sizes
std::optional<Section> layer_error_section(const Study& study);  ///< loss by layer
std::optional<Section> cross_task_section(const Study& study);   ///< observed on one task, scored on another
std::optional<Section> prediction_section(const Study& study);   ///< predicted against measured loss
std::optional<Section> timing_section(const Study& study);       ///< where the time went

// Of models that were trained (Study::trained).
std::optional<Section> pretraining_section(const Study& study);      ///< loss against experts; what a dense model needs
std::optional<Section> trained_pruning_section(const Study& study);  ///< loss of pruning before any training
std::optional<Section> trained_score_section(const Study& study);    ///< accuracy against experts, pruned and not
std::optional<Section> trained_difference_section(const Study& study);  ///< differences of models, with intervals
std::optional<Section> trained_use_section(const Study& study);         ///< which experts a task uses, model by model
std::optional<Section> embedding_section(const Study& study);           ///< experts as points, by cluster

}  // namespace uncurl::report
