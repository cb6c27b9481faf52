#include "uncurl/train/batches.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "uncurl/base/error.h"
#include "uncurl/base/hash.h"
#include "uncurl/base/random.h"
#include "uncurl/nn/training_loss.h"

namespace uncurl::train {
namespace {

const Row& row_of(const std::vector<RowSource>& sources, RowId id) {
  return sources[static_cast<std::size_t>(id.source)].rows[static_cast<std::size_t>(id.row)];
}

/// Rows in a random order, in a new one each time all have been drawn.
class Deck {
 public:
  Deck(std::vector<RowId> rows, std::uint64_t seed) : rows_(std::move(rows)), seed_(seed), next_(rows_.size()) {}

  RowId draw() {
    if (next_ == rows_.size()) shuffle();
    return rows_[next_++];
  }

 private:
  void shuffle() {
    Rng rng(hash64(seed_, pass_++));
    for (std::size_t i = rows_.size(); i > 1; --i) std::swap(rows_[i - 1], rows_[rng.below(i)]);
    next_ = 0;
  }

  std::vector<RowId> rows_;
  std::uint64_t seed_, pass_ = 0;
  std::size_t next_;
};

std::vector<RowId> ids_of(const std::vector<RowSource>& sources, std::size_t source) {
  std::vector<RowId> ids;
  for (std::size_t row = 0; row < sources[source].rows.size(); ++row) {
    ids.push_back({static_cast<std::int32_t>(source), static_cast<std::int32_t>(row)});
  }
  return ids;
}

/// The next row of all sources, by their weights or by their sizes.
class Mixture {
 public:
  Mixture(const std::vector<RowSource>& sources, std::uint64_t seed) {
    std::vector<RowId> all;
    for (std::size_t s = 0; s < sources.size(); ++s) {
      const std::vector<RowId> ids = ids_of(sources, s);
      if (sources[s].weight) {
        decks_.emplace_back(ids, hash64(seed, s + 1));
        weights_.push_back(*sources[s].weight);
      } else {
        all.insert(all.end(), ids.begin(), ids.end());
      }
    }
    if (!decks_.empty()) {
      double total = 0;
      for (const double weight : weights_) total += weight;
      for (double& weight : weights_) weight /= total;
      drawn_.assign(weights_.size(), 0);
    } else {
      decks_.emplace_back(std::move(all), hash64(seed, 0));
    }
  }

  RowId draw() {
    if (weights_.empty()) return decks_.front().draw();
    ++total_;
    std::size_t behind = 0;
    const auto lag = [&](std::size_t s) {
      return weights_[s] * static_cast<double>(total_) - static_cast<double>(drawn_[s]);
    };
    for (std::size_t s = 1; s < decks_.size(); ++s) behind = lag(s) > lag(behind) ? s : behind;
    ++drawn_[behind];
    return decks_[behind].draw();
  }

 private:
  std::vector<Deck> decks_;
  std::vector<double> weights_;  // empty: one deck of all rows
  std::vector<std::int64_t> drawn_;
  std::int64_t total_ = 0;
};

/// Steps are planned before the first is taken: 0.8 GB of row numbers. Ten times the rows of the paper's pretraining.
constexpr double kMaxRows = 5e7;

bool fits(const BatchSize& size, std::int64_t rows, std::int64_t tokens) {
  return size.rows > 0 ? rows <= size.rows : tokens <= size.tokens;
}

std::int64_t longest_row(const std::vector<RowSource>& sources) {
  std::int64_t longest = 1;
  for (const RowSource& source : sources) {
    for (const Row& row : source.rows) longest = std::max(longest, row.num_tokens());
  }
  return longest;
}

/// All rows that the run draws, were each as long as the longest.
double least_rows(const std::vector<RowSource>& sources, const TrainConfig& config) {
  const Budget& budget = config.budget;
  const auto longest = static_cast<double>(longest_row(sources));
  if (budget.tokens > 0) return static_cast<double>(budget.tokens) / longest;
  if (budget.steps > 0) {
    const double of_batch = config.batch.rows > 0 ? static_cast<double>(config.batch.rows)
                                                  : static_cast<double>(config.batch.tokens) / longest;
    return static_cast<double>(budget.steps) * std::max(1.0, of_batch);
  }
  std::size_t total = 0;
  for (const RowSource& source : sources) total += source.rows.size();
  return budget.epochs * static_cast<double>(total);
}

}  // namespace

std::vector<Step> plan_steps(const std::vector<RowSource>& sources, const TrainConfig& config) {
  Mixture mixture(sources, config.seed);
  const double rows_asked_for = least_rows(sources, config);
  check(rows_asked_for <= kMaxRows, "'steps', 'tokens' or 'epochs', with 'batch', ask for ", rows_asked_for,
        " rows, more than the ", kMaxRows, " of one run; train fewer, and go on from its checkpoint");
  const std::int64_t max_rows = config.budget.epochs > 0 ? std::llround(rows_asked_for) : 0;
  check(config.budget.epochs == 0 || max_rows >= 1, "'epochs' is ", config.budget.epochs,
        ": less than one row would be drawn");
  std::vector<Step> steps;
  std::int64_t rows = 0, tokens = 0;
  const auto is_over = [&] {
    const Budget& budget = config.budget;
    if (budget.steps > 0) return static_cast<std::int64_t>(steps.size()) >= budget.steps;
    return budget.tokens > 0 ? tokens >= budget.tokens : rows >= max_rows;
  };
  std::optional<RowId> next;
  while (!is_over()) {
    Step step;
    for (;;) {
      if (!next) next = mixture.draw();
      const Row& row = row_of(sources, *next);
      const auto count = static_cast<std::int64_t>(step.rows.size());
      const bool last = max_rows > 0 && rows >= max_rows;
      if (last || (count > 0 && !fits(config.batch, count + 1, step.num_tokens + row.num_tokens()))) break;
      step.rows.push_back(*next);
      step.num_tokens += row.num_tokens();
      step.num_targets += row.num_targets();
      ++rows;
      next.reset();
    }
    tokens += step.num_tokens;
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<std::vector<RowId>> cut(const std::vector<RowId>& rows, const std::vector<RowSource>& sources,
                                    const BatchSize& size) {
  std::vector<std::vector<RowId>> pieces;
  std::int64_t tokens = 0;
  for (const RowId id : rows) {
    const std::int64_t length = row_of(sources, id).num_tokens();
    const bool opens =
        pieces.empty() || !fits(size, static_cast<std::int64_t>(pieces.back().size()) + 1, tokens + length);
    if (opens) {
      pieces.emplace_back();
      tokens = 0;
    }
    pieces.back().push_back(id);
    tokens += length;
  }
  return pieces;
}

BatchSize micro_batch_of(const TrainConfig& config) {
  const BatchSize& given = config.micro_batch;
  return given.rows > 0 || given.tokens > 0 ? given : BatchSize{.rows = 0, .tokens = 8192};
}

Packed pack(const std::vector<RowId>& rows, const std::vector<RowSource>& sources) {
  std::vector<std::vector<std::int32_t>> ids;
  std::vector<std::int64_t> targets;
  Packed packed;
  for (const RowId id : rows) {
    const Row& row = row_of(sources, id);
    ids.push_back(row.ids);
    packed.num_targets += row.num_targets();
    for (std::int64_t t = 1; t <= row.num_tokens(); ++t) {
      const bool counts = t >= row.first_target && t < row.num_tokens();
      targets.push_back(counts ? row.ids[static_cast<std::size_t>(t)] : nn::kNoTarget);
    }
  }
  packed.rows = model::pack_rows(ids);
  packed.targets_N = at::tensor(targets, at::kLong);
  return packed;
}

}  // namespace uncurl::train
