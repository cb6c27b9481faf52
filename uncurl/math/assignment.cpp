#include "uncurl/math/assignment.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "uncurl/base/error.h"

// The words are those of an auction. Every column has a price; a row wants the column where its loss, price - score, is
// smallest. Prices are the dual variables: an assignment that gives every row a column of smallest loss is optimal.
// Steps 1 to 3 find such columns cheaply for most rows, step 4 finds them for the rest along shortest paths.
//
// Two things are ours. Prices only ever rise, so a row that once listed its best columns need not look at the others
// before the listed ones have risen past them: most bids read 20 numbers instead of n. And the loops over a row keep
// kLanes independent minima, which the compiler turns into vector instructions.
//
// Scores are fp32 as given; prices and losses are fp64, so that no difference of fp32 scores is rounded away.

namespace uncurl::math {
namespace {

constexpr int kNone = -1;
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kLanes = 32;
constexpr int kListed = 16;      // a row lists this many columns at least, if there are as many,
constexpr int kListLength = 64;  // and at most this many
constexpr int kBidsPerRow = 32;  // on average, in one pass; ties and near-ties can make the bidding crawl

struct Choice {
  int column = kNone;  // of the smallest loss; the first of them
  int tied = kNone;    // another column of the same loss
  double smallest = kInfinity;
  double second = kInfinity;

  void consider(int candidate, double loss) {
    if (loss < smallest) {
      second = smallest;
      smallest = loss;
      column = candidate;
      tied = kNone;
    } else if (loss < second) {
      second = loss;
      if (loss == smallest) tied = candidate;
    }
  }
};

// Columns of one row, in ascending order, whose losses were at most `bound` when listed; all others were above or
// equal.
struct BestColumns {
  std::array<int, kListLength> columns;
  int size = 0;
  double bound = -kInfinity;
};

class Solver {
 public:
  Solver(const float* score, int n)
      : score_(score), n_(n), price_(n), column_of_(n, kNone), row_of_(n, kNone), best_(n) {}

  std::vector<int> solve() {
    reduce_columns();
    transfer_reductions();
    std::vector<int> waiting = rows_without_column();
    for (int pass = 0; pass < 2 && !waiting.empty(); ++pass) waiting = bid(std::move(waiting));
    for (const int row : waiting) augment(row);
    return std::move(column_of_);
  }

 private:
  void reduce_columns();
  void transfer_reductions();
  std::vector<int> bid(std::vector<int> waiting);
  void augment(int start);

  double gap_to_second_choice(int row) const;
  Choice choose(int row);
  Choice choose_among_all(int row) const;
  void list_best_columns(int row);
  double relax(int row, double offset);
  int find_nearest(double distance) const;

  const float* scores(int row) const { return score_ + static_cast<std::size_t>(row) * static_cast<std::size_t>(n_); }
  std::vector<int> rows_without_column() const;
  void assign(int row, int column) {
    column_of_[row] = column;
    row_of_[column] = row;
  }

  const float* score_;
  int n_;
  std::vector<double> price_;
  std::vector<int> column_of_, row_of_;
  std::vector<BestColumns> best_;

  // Of the shortest-path search. Columns already reached have an infinite price there, so that no path enters them.
  std::vector<double> open_price_, distance_;
  std::vector<std::int64_t> previous_row_;  // as wide as a distance, for the vector instructions
};

// Step 1. The price of a column is its largest score; the row that holds it takes the column unless it has one.
void Solver::reduce_columns() {
  std::vector<float> largest(scores(0), scores(0) + n_);
  std::vector<int> holder(n_, 0);
  for (int row = 1; row < n_; ++row) {
    const float* const row_scores = scores(row);
    for (int begin = 0; begin < n_; begin += kLanes) {
      const int end = std::min(begin + kLanes, n_);
      int any_larger = 0;  // rarely: a column meets a new largest score about ln(n) times
      for (int column = begin; column < end; ++column) any_larger |= row_scores[column] > largest[column];
      if (!any_larger) continue;
      for (int column = begin; column < end; ++column) {
        if (row_scores[column] <= largest[column]) continue;
        holder[column] = row;
        largest[column] = row_scores[column];
      }
    }
  }
  for (int column = n_ - 1; column >= 0; --column) {
    price_[column] = largest[column];
    if (column_of_[holder[column]] == kNone) assign(holder[column], column);
  }
}

// Step 2. A row with a column raises its price until the second choice is as good, which turns others away.
void Solver::transfer_reductions() {
  for (int row = 0; row < n_; ++row) {
    if (column_of_[row] == kNone) continue;
    price_[column_of_[row]] += gap_to_second_choice(row);
  }
}

double Solver::gap_to_second_choice(int row) const {
  const float* const row_scores = scores(row);
  const double* const price = price_.data();
  std::array<double, kLanes> smallest, second;
  smallest.fill(kInfinity);
  second.fill(kInfinity);
  const int whole = n_ - n_ % kLanes;
  for (int column = 0; column < whole; column += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double loss = price[column + lane] - row_scores[column + lane];
      const double larger = loss < smallest[lane] ? smallest[lane] : loss;
      smallest[lane] = loss < smallest[lane] ? loss : smallest[lane];
      second[lane] = larger < second[lane] ? larger : second[lane];
    }
  }
  Choice choice;
  for (int lane = 0; lane < kLanes; ++lane) {
    choice.consider(kNone, smallest[lane]);
    choice.consider(kNone, second[lane]);
  }
  for (int column = whole; column < n_; ++column) choice.consider(kNone, price[column] - row_scores[column]);
  return choice.second - choice.smallest;
}

// Step 3. Rows without a column outbid the holders of what they want most. Returns the rows that end without one.
std::vector<int> Solver::bid(std::vector<int> waiting) {
  std::vector<int> losers;
  std::int64_t bids_left = std::int64_t{kBidsPerRow} * n_;
  while (!waiting.empty()) {
    const int row = waiting.back();
    waiting.pop_back();
    const Choice choice = choose(row);
    double& price = price_[choice.column];
    const double raised = price + (choice.second - choice.smallest);
    const bool outbids = raised > price;
    price = raised;
    const bool yields = !outbids && row_of_[choice.column] != kNone && choice.tied != kNone;
    const int column = yields ? choice.tied : choice.column;
    const int loser = row_of_[column];
    assign(row, column);
    if (loser == kNone) continue;
    column_of_[loser] = kNone;
    if (outbids && --bids_left > 0) {
      waiting.push_back(loser);
    } else {
      losers.push_back(loser);
    }
  }
  return losers;
}

Choice Solver::choose(int row) {
  BestColumns& best = best_[row];
  const auto choose_listed = [&] {
    Choice choice;
    for (int i = 0; i < best.size; ++i) {
      const int column = best.columns[i];
      choice.consider(column, price_[column] - scores(row)[column]);
    }
    return choice;
  };
  const Choice choice = choose_listed();
  if (choice.second <= best.bound) return choice;
  list_best_columns(row);
  return best.size > 0 ? choose_listed() : choose_among_all(row);
}

Choice Solver::choose_among_all(int row) const {
  Choice choice;
  for (int column = 0; column < n_; ++column) choice.consider(column, price_[column] - scores(row)[column]);
  return choice;
}

// The kListed-th smallest of the lanes' minima is a bound that at least kListed columns keep, and few more do.
// Where ties make the list overflow it stays empty.
void Solver::list_best_columns(int row) {
  const float* const row_scores = scores(row);
  const double* const price = price_.data();
  std::array<double, kLanes> smallest;
  smallest.fill(kInfinity);
  int column = 0;
  for (; column + kLanes <= n_; column += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double loss = price[column + lane] - row_scores[column + lane];
      smallest[lane] = loss < smallest[lane] ? loss : smallest[lane];
    }
  }
  for (int lane = 0; column + lane < n_; ++lane) {
    smallest[lane] = std::min(smallest[lane], price[column + lane] - row_scores[column + lane]);
  }
  std::nth_element(smallest.begin(), smallest.begin() + (kListed - 1), smallest.end());

  BestColumns& best = best_[row];
  best.bound = smallest[kListed - 1];
  best.size = 0;
  for (column = 0; column < n_; ++column) {
    if (price[column] - row_scores[column] > best.bound) continue;
    if (best.size == kListLength) {
      best = {};
      return;
    }
    best.columns[best.size++] = column;
  }
}

// Step 4. Gives `start` a column: the holders along the shortest path from it to a free column move up by one.
void Solver::augment(int start) {
  struct Reached {
    int column;
    double distance;
  };
  std::vector<Reached> reached;
  open_price_ = price_;
  distance_.assign(n_, kInfinity);
  previous_row_.assign(n_, start);

  double distance = relax(start, 0);
  int column = find_nearest(distance);
  while (row_of_[column] != kNone) {
    const int row = row_of_[column];
    reached.push_back({column, distance});
    open_price_[column] = distance_[column] = kInfinity;
    distance = relax(row, price_[column] - scores(row)[column] - distance);
    column = find_nearest(distance);
  }
  for (const Reached& passed : reached) price_[passed.column] += distance - passed.distance;

  for (int row = kNone; row != start;) {
    row = static_cast<int>(previous_row_[column]);
    const int left = column_of_[row];
    assign(row, column);
    column = left;
  }
}

// Shortens the distances to columns through `row`, whose own column lies `offset` nearer than its loss says.
// Returns the smallest distance to a column not yet reached.
double Solver::relax(int row, double offset) {
  const float* const row_scores = scores(row);
  const double* const price = open_price_.data();
  double* const distance = distance_.data();
  std::int64_t* const previous = previous_row_.data();
  std::array<double, kLanes> smallest;
  smallest.fill(kInfinity);
  int column = 0;
  for (; column + kLanes <= n_; column += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double through = price[column + lane] - row_scores[column + lane] - offset;
      const double before = distance[column + lane];
      const double now = through < before ? through : before;
      previous[column + lane] = through < before ? row : previous[column + lane];
      distance[column + lane] = now;
      smallest[lane] = now < smallest[lane] ? now : smallest[lane];
    }
  }
  for (; column < n_; ++column) {
    const double through = price[column] - row_scores[column] - offset;
    if (through < distance[column]) {
      previous[column] = row;
      distance[column] = through;
    }
    smallest[0] = std::min(smallest[0], distance[column]);
  }
  return *std::min_element(smallest.begin(), smallest.end());
}

// A column at this distance, a free one if there is any.
int Solver::find_nearest(double distance) const {
  int nearest = kNone;
  for (int column = 0; column < n_; ++column) {
    if (distance_[column] != distance) continue;
    if (row_of_[column] == kNone) return column;
    if (nearest == kNone) nearest = column;
  }
  return nearest;
}

std::vector<int> Solver::rows_without_column() const {
  std::vector<int> rows;
  for (int row = 0; row < n_; ++row) {
    if (column_of_[row] == kNone) rows.push_back(row);
  }
  return rows;
}

void check_size(std::span<const float> score, int n) {
  check(n >= 0 && score.size() == static_cast<std::size_t>(n) * static_cast<std::size_t>(n), "assignment scores of ", n,
        " rows: ", score.size(), " values, expected ", n, " x ", n);
}

void check_finite(std::span<const float> score, int n) {
  int not_finite = 0;  // no early exit, so that it runs at the speed of memory
  for (const float value : score) not_finite |= !(std::abs(value) <= std::numeric_limits<float>::max());
  if (!not_finite) return;
  const auto bad = std::find_if(score.begin(), score.end(), [](float value) { return !std::isfinite(value); });
  const std::ptrdiff_t at = bad - score.begin();
  fail("assignment score [", at / n, ",", at % n, "] of ", n, " x ", n, " is ", *bad,
       ", expected a finite number; do the weights it was computed from hold NaN or infinity?");
}

float score_at(std::span<const float> score, const Permutation& p, int a) {
  return score[static_cast<std::size_t>(a) * static_cast<std::size_t>(p.size()) + static_cast<std::size_t>(p[a])];
}

// A sum of n terms is rounded n times, each time by at most epsilon times the sum of the magnitudes.
double rounding_of_sum(std::span<const float> score, const Permutation& p) {
  double magnitude = 0;
  for (int a = 0; a < p.size(); ++a) magnitude += std::abs(score_at(score, p, a));
  return magnitude * p.size() * std::numeric_limits<double>::epsilon();
}

}  // namespace

Permutation maximize_assignment(std::span<const float> score, int n) {
  check_size(score, n);
  check_finite(score, n);
  const Permutation identity = Permutation::identity(n);
  if (n < 2) return identity;
  const Permutation best(Solver(score.data(), n).solve());
  const double gain = assignment_score(score, best) - assignment_score(score, identity);
  return gain > rounding_of_sum(score, best) + rounding_of_sum(score, identity) ? best : identity;
}

double assignment_score(std::span<const float> score, const Permutation& p) {
  check_size(score, p.size());
  double total = 0;
  for (int a = 0; a < p.size(); ++a) total += score_at(score, p, a);
  return total;
}

}  // namespace uncurl::math
