#include "uncurl/train/trainer.h"

#include <chrono>

#include "uncurl/base/error.h"
#include "uncurl/train/log.h"
#include "uncurl/train/run.h"
#include "uncurl/train/run_folder.h"
#include "uncurl/train/schedule.h"
#include "uncurl/train/state.h"

namespace uncurl::train {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Json loads_json(const std::vector<ExpertLoad>& loads) {
  Json list = Json::array();
  for (const ExpertLoad& load : loads) {
    list.push_back({{"layer", load.layer}, {"choices", load.choices_E}, {"dropped", load.dropped}});
  }
  return list;
}

Json validation_json(const std::vector<ValidationLoss>& losses) {
  Json list = Json::array();
  for (const ValidationLoss& loss : losses) {
    list.push_back({{"source", loss.source}, {"tokens", loss.num_targets}, {"loss", loss.loss}});
  }
  return list;
}

Json sources_json(const std::vector<RowSource>& sources) {
  Json list = Json::array();
  for (const RowSource& source : sources) {
    std::int64_t tokens = 0;
    for (const Row& row : source.rows) tokens += row.num_tokens();
    list.push_back({{"path", source.name},
                    {"hash", source.content_hash},
                    {"records", source.num_records},
                    {"rows", source.rows.size()},
                    {"tokens", tokens},
                    {"left_out", source.left_out.count()},
                    {"cut", source.num_cut},
                    {"without_target", source.num_without}});
  }
  return list;
}

/// train.json: what was asked for, with what, and what came of it. No times, so that equal work gives equal files.
Json record(const Run& run, const Position& position, const std::vector<ValidationLoss>& validation) {
  const TrainOutline outline = run.outline();
  return {{"kind", "train"},
          {"version", 1},
          {"uncurl", run.config().program},
          {"config", to_json(run.config())},
          {"run", run.key()},
          {"parameters", outline.parameters},
          {"trained", outline.trained},
          {"flops_per_token", outline.flops_per_token},
          {"steps", position.step},
          {"tokens", position.tokens},
          {"data", sources_json(run.corpus().training)},
          {"validation", validation_json(validation)}};
}

std::string validation_text(const std::vector<ValidationLoss>& losses) {
  std::string text;
  for (const ValidationLoss& loss : losses) text += concat(text.empty() ? "" : ", ", loss.source, " ", loss.loss);
  return text;
}

/// The steps that are left, with log, validation and states along the way.
class Loop {
 public:
  Loop(Run& run, const StateFile& state, Position position, Log& log, const Listener& listener)
      : run_(run), state_(state), position_(position), log_(log), listener_(listener), total_(run.outline().tokens) {}

  void go() {
    listener_.progress({"training", "tokens", position_.tokens, total_});
    while (position_.step < static_cast<std::int64_t>(run_.steps().size())) {
      take_step();
      if (is_time_to_validate()) validate();
      if (is_time_to_save()) save();
      try {
        listener_.progress({"training", "tokens", position_.tokens, total_});
      } catch (const Interrupted&) {
        save();
        throw;
      }
    }
  }

  std::vector<ValidationLoss> validate() {
    const std::vector<ValidationLoss> losses = run_.validate();
    if (losses.empty()) return losses;
    log_.write({{"step", position_.step}, {"tokens", position_.tokens}, {"validation", validation_json(losses)}});
    listener_.note(concat("step ", position_.step, ": validation loss ", validation_text(losses)));
    return losses;
  }

  Position position() const {
    Position now = position_;
    now.seconds += seconds_since(begin_);
    return now;
  }

 private:
  void take_step() {
    const Clock::time_point begin = Clock::now();
    const auto number = static_cast<std::size_t>(position_.step);
    const StepResult result = run_.step(number);
    const Step& step = run_.steps()[number];
    ++position_.step;
    position_.tokens += step.num_tokens;
    Json line = {{"step", position_.step},
                 {"tokens", position_.tokens},
                 {"loss", result.loss},
                 {"gradient_norm", result.gradient_norm},
                 {"learning_rate", learning_rate(run_.config().schedule, run_.config().optimizer.learning_rate,
                                                 position_.step - 1, static_cast<std::int64_t>(run_.steps().size()))}};
    if (result.balance) line["balance"] = *result.balance;
    if (result.objective) line["objective"] = *result.objective;
    line["seconds"] = seconds_since(begin);
    line["optimizer_seconds"] = result.optimizer_seconds;
    line["experts"] = loads_json(result.loads);
    log_.write(line);
  }

  bool is_time_to_validate() const {
    const std::int64_t every = run_.config().validation.every_steps;
    const bool is_last = position_.step == static_cast<std::int64_t>(run_.steps().size());
    return every > 0 && position_.step % every == 0 && !is_last;  // after the last step in any case, by the caller
  }

  bool is_time_to_save() const {
    const SaveConfig& config = run_.config().save;
    return (config.every_steps > 0 && position_.step % config.every_steps == 0) ||
           (config.every_minutes > 0 && seconds_since(saved_) >= 60 * config.every_minutes);
  }

  void save() {
    log_.sync();
    state_.save(run_.trained(), position());
    saved_ = Clock::now();
  }

  Run& run_;
  const StateFile& state_;
  Position position_;
  Log& log_;
  const Listener& listener_;
  std::int64_t total_;
  Clock::time_point begin_ = Clock::now(), saved_ = begin_;
};

}  // namespace

TrainOutline outline(const TrainConfig& config, const Listener& listener) {
  check_config(config);
  return Run(config, listener).outline();
}

TrainOutcome train(const TrainConfig& config, const Listener& listener,
                   const std::function<void(const TrainOutline&)>& on_outline) {
  check_config(config);
  RunFolder folder(config.output, config.overwrite);
  Run run(config, listener);
  const StateFile state(folder.state(), run.key());
  const std::optional<Position> saved = state.load(run.trained(), listener);
  const Position position = saved.value_or(Position{});
  TrainOutline outline = run.outline();
  outline.first_step = position.step;
  if (on_outline) on_outline(outline);
  Log log(folder.log(), position.step);
  Loop loop(run, state, position, log, listener);
  loop.go();
  const std::vector<ValidationLoss> validation = loop.validate();
  const Position end = loop.position();
  run.write(folder.checkpoint());
  write_json(folder.checkpoint() / "train.json", record(run, end, validation));
  folder.commit();
  return {end.step, end.tokens, end.seconds, validation};
}

}  // namespace uncurl::train
