// One point of a sweep, measured: its plan is made from the statistics, its layers are pruned in memory as the held-out
// rows reach them, and nothing is written but its line in the log.
#pragma once

#include <string>
#include <vector>

#include "uncurl/eval/prepare.h"
#include "uncurl/model/stream.h"
#include "uncurl/study/sweep/point_log.h"
#include "uncurl/text/tokenizer.h"

namespace uncurl::study {

/// What all points share. Everything is borrowed.
struct Evidence {
  const model::LayerStream& original;  ///< in the dtype of the statistics
  const prune::RoutingStats& stats;
  std::string stats_hash;                        ///< of the file
  const std::vector<eval::PreparedTask>& tasks;  ///< scored beside the held-out rows
  const text::Tokenizer& tokenizer;

  std::string hash() const;
};

class PointRunner {
 public:
  /// @param log  must outlive the runner
  PointRunner(const Evidence& evidence, PointLog& log);

  bool is_done(const PointRequest& request) const;

  /// The point of the log, or a new one that is appended to it. Where the statistics hold inputs, the error of each
  /// layer is predicted on the way.
  /// Memory: beside that of measure_plan, the merged experts of all layers if there are tasks to score.
  Point run(const PointRequest& request, const Listener& listener);

  /// What the tasks give on the original.
  std::vector<TaskScore> score_original(const Listener& listener) const;

 private:
  Point measure(const PointRequest& request, const Listener& listener) const;

  const Evidence& evidence_;
  std::string hash_;
  PointLog& log_;
};

/// The first metric of each task under a change of weights; tasks whose metric needs the model to write are left out.
std::vector<TaskScore> score_tasks(const Evidence& evidence, const model::EditFunction& edit, const Listener& listener);

}  // namespace uncurl::study
