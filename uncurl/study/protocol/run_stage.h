// One stage of a study, from what it depends on to what it leaves.
#pragma once

#include "uncurl/base/listener.h"
#include "uncurl/study/protocol/stages.h"

namespace uncurl::study {

enum class Run {
  kDone,      ///< now or before
  kWaiting,   ///< for a stage that it starts from
  kElsewhere  ///< another process works on it
};

/// Runs a stage that is not done, if all it depends on is done and no other process works on it. A training stage that
/// was interrupted goes on where it was; the others, which take seconds, begin anew.
/// @throws Error naming the stage; Interrupted of the listener, after a training stage has saved its state
Run run_stage(const StudyConfig& config, const std::vector<Stage>& stages, const Stage& stage,
              const Listener& listener);

/// A process that is killed just after it gave a stage its name leaves its lock and its work folder; this removes them,
/// unless a process is still at it.
void clean_up_after(const Stage& done);

/// How a finetuned model answered the validation rows of its task.
struct Evaluation {
  std::string content_hash;    ///< of the rows
  std::vector<double> scores;  ///< by row: 1 if the likeliest choice is the right one
  std::vector<int> labels;     ///< by row
  double loss = 0;             ///< of the right answers, nats a token
};

/// What an evaluation left. @throws Error naming the file
Evaluation read_evaluation(const std::filesystem::path& path);

}  // namespace uncurl::study
