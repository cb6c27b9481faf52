#include "uncurl/eval/judge.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "uncurl/base/error.h"
#include "uncurl/eval/words.h"
#include "uncurl/text/unicode.h"

namespace uncurl::eval {
namespace {

/// Characters of a choice without the space that separates it from the prompt.
double num_characters(const std::string& choice) {
  const std::string valid = text::valid_utf8(choice);
  double count = 0;
  for (std::size_t i = valid.starts_with(' ') ? 1 : 0; i < valid.size(); ++count) text::next_code_point(valid, i);
  return count;
}

/// The first of the largest.
int argmax(const std::vector<double>& values) {
  return static_cast<int>(std::max_element(values.begin(), values.end()) - values.begin());
}

/// Where an item's judged tokens of one choice lie among the Q.
struct Range {
  std::int64_t begin, end;
};

Range tokens_of(const PreparedTask& task, const Choice& choice) {
  return {task.requests.begins[choice.first_request], task.requests.begins[choice.first_request + choice.num_requests]};
}

Choice right_choice(const Item& item) { return item.choices[static_cast<std::size_t>(item.example.label)]; }

/// Sums in the order of the tokens.
ItemResult judge_item(const PreparedTask& task, const Item& item, const TokenScores& scores) {
  const auto* const logprob = scores.logprob_Q.const_data_ptr<double>();
  const auto* const greedy = scores.greedy_Q.const_data_ptr<bool>();
  ItemResult result;
  for (const Choice& choice : item.choices) {
    const Range range = tokens_of(task, choice);
    double sum = 0;
    for (std::int64_t q = range.begin; q < range.end; ++q) sum += logprob[q];
    result.loglikelihoods.push_back(sum);
    result.greedy.push_back(
        std::all_of(greedy + range.begin, greedy + range.end, [](bool likeliest) { return likeliest; }));
  }
  const Range right = tokens_of(task, right_choice(item));
  result.num_tokens = right.end - right.begin;
  result.loss = -result.loglikelihoods[static_cast<std::size_t>(item.example.label)];
  if (item.choices.size() > 1) result.prediction = argmax(result.loglikelihoods);
  return result;
}

int prediction_by_length(const Item& item, const ItemResult& result) {
  std::vector<double> normed;
  for (std::size_t c = 0; c < result.loglikelihoods.size(); ++c) {
    normed.push_back(result.loglikelihoods[c] / num_characters(item.example.choices[c]));
  }
  return argmax(normed);
}

/// The cluster of each row, numbered by first appearance; a row that names none is one of its own.
std::vector<std::size_t> clusters_of(const PreparedTask& task) {
  std::map<std::string, std::size_t> number_of;
  std::vector<std::size_t> clusters;
  std::size_t next = 0;
  for (const Item& item : task.items) {
    const std::string& name = item.example.cluster;
    if (name.empty()) {
      clusters.push_back(next++);
      continue;
    }
    const auto [found, is_new] = number_of.emplace(name, next);
    if (is_new) ++next;
    clusters.push_back(found->second);
  }
  return clusters;
}

/// One unit a row, from what `value` says of it.
template <class Value>
std::vector<Unit> units_of(const PreparedTask& task, const std::vector<ItemResult>& results, Value value) {
  const std::vector<std::size_t> clusters = clusters_of(task);
  std::vector<Unit> units;
  for (std::size_t i = 0; i < results.size(); ++i) {
    units.push_back(value(task.items[i], results[i]));
    units.back().cluster = clusters[i];
  }
  return units;
}

Unit share(bool right) { return {.value = right ? 1.0 : 0.0}; }

bool is_right(const Item& item, const ItemResult& result) { return result.prediction == item.example.label; }

std::vector<Metric> accuracies(const PreparedTask& task, const std::vector<ItemResult>& results) {
  return {
      make_metric("acc", Aggregate::kShare, true,
                  units_of(task, results, [](const Item& i, const ItemResult& r) { return share(is_right(i, r)); })),
      make_metric("acc_norm", Aggregate::kShare, true, units_of(task, results, [](const Item& i, const ItemResult& r) {
                    return share(prediction_by_length(i, r) == i.example.label);
                  }))};
}

/// Rows of one group as one unit, in the order of the first of each.
std::vector<Unit> group_units(const PreparedTask& task, const std::vector<ItemResult>& results) {
  const std::vector<std::size_t> clusters = clusters_of(task);
  std::map<std::string, std::size_t> index_of;
  std::vector<Unit> units;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto [found, is_new] = index_of.emplace(task.items[i].example.group, units.size());
    if (is_new) units.push_back({.value = 1, .cluster = clusters[i]});
    Unit& unit = units[found->second];
    unit.judged.emplace_back(task.items[i].example.label, results[i].prediction);
    if (!is_right(task.items[i], results[i])) unit.value = 0;
  }
  return units;
}

std::vector<Metric> choice_metrics(const PreparedTask& task, const std::vector<ItemResult>& results) {
  std::vector<Metric> metrics;
  if (task.metric != "words_f1") metrics = accuracies(task, results);
  const auto put_first = [&](Metric metric) { metrics.insert(metrics.begin(), std::move(metric)); };
  if (task.metric == "macro_f1") {
    put_first(make_metric("macro_f1", Aggregate::kMacroF1, true,
                          units_of(task, results, [](const Item& i, const ItemResult& r) {
                            return Unit{.judged = {{i.example.label, r.prediction}}};
                          })));
  } else if (task.metric == "answer_f1") {
    const std::vector<Unit> groups = group_units(task, results);
    put_first(make_metric("em", Aggregate::kShare, true, groups));
    put_first(make_metric("f1a", Aggregate::kYesF1, true, groups));
  } else if (task.metric == "words_f1") {
    const auto named = [](const Item& i, const ItemResult& r) {
      return i.example.choice_names[static_cast<std::size_t>(r.prediction)];
    };
    put_first(
        make_metric("em", Aggregate::kShare, true, units_of(task, results, [&](const Item& i, const ItemResult& r) {
                      return share(words_equal(named(i, r), i.example.answers));
                    })));
    put_first(
        make_metric("f1", Aggregate::kMean, true, units_of(task, results, [&](const Item& i, const ItemResult& r) {
                      return Unit{.value = words_f1(named(i, r), i.example.answers)};
                    })));
  }
  return metrics;
}

std::vector<Metric> greedy_metrics(const PreparedTask& task, const std::vector<ItemResult>& results) {
  return {make_metric("acc", Aggregate::kShare, true,
                      units_of(task, results, [](const Item&, const ItemResult& r) { return share(r.greedy[0]); })),
          make_metric("perplexity", Aggregate::kPerplexity, false,
                      units_of(task, results, [](const Item&, const ItemResult& r) { return Unit{.value = r.loss}; }))};
}

std::vector<Metric> perplexities(const PreparedTask& task, const std::vector<ItemResult>& results) {
  const auto per = [&](const char* name, Aggregate aggregate, auto weight) {
    return make_metric(name, aggregate, false, units_of(task, results, [&](const Item& i, const ItemResult& r) {
                         return Unit{.value = r.loss, .weight = weight(i, r)};
                       }));
  };
  const auto words = [](const Item& i, const ItemResult&) { return i.num_words; };
  const auto bytes = [](const Item& i, const ItemResult&) { return i.num_bytes; };
  const auto tokens = [](const Item&, const ItemResult& r) { return static_cast<double>(r.num_tokens); };
  return {per("word_perplexity", Aggregate::kPerplexity, words), per("byte_perplexity", Aggregate::kPerplexity, bytes),
          per("bits_per_byte", Aggregate::kBits, bytes), per("token_perplexity", Aggregate::kPerplexity, tokens)};
}

std::string without(const std::vector<text::Regex>& patterns, std::string text) {
  for (const text::Regex& pattern : patterns) {
    std::string rest;
    pattern.for_each_part(text, [&](std::size_t begin, std::size_t end, bool is_match) {
      if (!is_match) rest.append(text, begin, end - begin);
    });
    text = std::move(rest);
  }
  return text::lower_case(text);
}

/// What the pattern finds, "[invalid]" where it finds nothing.
std::string extracted(const text::Extraction& extraction, const std::string& text) {
  std::vector<std::string> found;
  extraction.pattern.for_each_part(text, [&](std::size_t begin, std::size_t end, bool is_match) {
    if (is_match) found.push_back(text.substr(begin, end - begin));
  });
  if (found.empty()) return "[invalid]";
  return extraction.take_last ? found.back() : found.front();
}

/// One metric an extraction; the first one's finding is what the item shows.
std::vector<Metric> exact_matches(const PreparedTask& task, const Written& written, std::vector<ItemResult>& results) {
  const text::GenerationRule& rule = *task.generation;
  const std::vector<std::size_t> clusters = clusters_of(task);
  std::vector<Metric> metrics;
  for (std::size_t e = 0; e < std::max<std::size_t>(1, rule.extract.size()); ++e) {
    std::vector<Unit> units;
    for (std::size_t i = 0; i < results.size(); ++i) {
      const std::string& text = written.texts[i];
      const std::string answer = rule.extract.empty() ? text : extracted(rule.extract[e], text);
      if (e == 0) results[i].answer = answer;
      units.push_back(share(without(rule.ignore, answer) == without(rule.ignore, task.items[i].example.answers[0])));
      units.back().cluster = clusters[i];
    }
    const bool only = rule.extract.size() < 2;
    metrics.push_back(make_metric(only ? "exact_match" : concat("exact_match_", rule.extract[e].name),
                                  Aggregate::kShare, true, std::move(units)));
  }
  return metrics;
}

std::vector<Metric> passes(const PreparedTask& task, const Written& written, std::vector<ItemResult>& results) {
  const std::vector<std::size_t> clusters = clusters_of(task);
  std::vector<Unit> units;
  for (std::size_t i = 0; i < results.size(); ++i) {
    results[i].answer = written.texts[i];
    units.push_back(share(written.passed[i]));
    units.back().cluster = clusters[i];
  }
  return {make_metric("pass_at_1", Aggregate::kShare, true, std::move(units))};
}

std::vector<Metric> metrics_of(const PreparedTask& task, const Written* written, std::vector<ItemResult>& results) {
  if (task.metric == "greedy_match") return greedy_metrics(task, results);
  if (task.metric == "perplexity") return perplexities(task, results);
  if (!task.generation) return choice_metrics(task, results);
  if (written == nullptr) return {};
  return task.metric == "pass_at_1" ? passes(task, *written, results) : exact_matches(task, *written, results);
}

/// What each row adds to the first metric; rows of a group and labels of a mean F1 count as right or wrong.
void add_scores(const PreparedTask& task, TaskResult& result) {
  for (std::size_t i = 0; i < result.items.size(); ++i) {
    ItemResult& item = result.items[i];
    if (task.metric == "words_f1" || task.generation || task.metric == "greedy_match") {
      item.score = result.metrics.empty() ? 0 : result.metrics.front().units[i].value;
    } else if (task.metric != "perplexity") {
      item.score = is_right(task.items[i], item) ? 1 : 0;
    }
  }
}

/// Sums over the rows of each cluster.
std::vector<double> cluster_sums(const std::vector<std::size_t>& clusters, const std::vector<double>& of_row) {
  std::vector<double> sums;
  for (std::size_t i = 0; i < of_row.size(); ++i) {
    if (clusters[i] >= sums.size()) sums.resize(clusters[i] + 1, 0.0);
    sums[clusters[i]] += of_row[i];
  }
  return sums;
}

/// A sum of each row's judged tokens, by their number. @param estimate  ratio_estimate or share_estimate
template <class EstimateFunction>
math::Estimate per_token(const TaskResult& result, double ItemResult::*sum, EstimateFunction estimate) {
  std::vector<double> sums, tokens;
  for (const ItemResult& item : result.items) {
    sums.push_back(item.*sum);
    tokens.push_back(static_cast<double>(item.num_tokens));
  }
  return estimate(cluster_sums(result.clusters, sums), cluster_sums(result.clusters, tokens));
}

}  // namespace

TaskResult judge(const PreparedTask& task, const TokenScores& scores, const Written* written) {
  TaskResult result{.name = task.name,
                    .split = task.split,
                    .content_hash = task.content_hash,
                    .file_hash = task.file_hash,
                    .num_left_out = task.left_out.count()};
  for (const Item& item : task.items) result.items.push_back(judge_item(task, item, scores));
  for (const ItemResult& item : result.items) result.num_tokens += item.num_tokens;
  result.clusters = clusters_of(task);
  result.loss = per_token(result, &ItemResult::loss, math::ratio_estimate);
  result.metrics = metrics_of(task, written, result.items);
  add_scores(task, result);
  return result;
}

Tensor right_answer_positions(const PreparedTask& task) {
  std::vector<Tensor> parts;
  for (const Item& item : task.items) {
    const Range range = tokens_of(task, right_choice(item));
    parts.push_back(task.requests.position_Q.slice(0, range.begin, range.end));
  }
  return at::cat(parts);
}

void add_comparison(TaskResult& result, const TokenComparison& comparison) {
  const auto* kl = comparison.kl.const_data_ptr<double>();
  const auto* agrees = comparison.agrees.const_data_ptr<double>();
  for (ItemResult& item : result.items) {
    item.kl = item.agrees = 0;
    for (std::int64_t token = 0; token < item.num_tokens; ++token) {
      item.kl += *kl++;
      item.agrees += *agrees++;
    }
  }
  result.kl = per_token(result, &ItemResult::kl, math::ratio_estimate);
  result.agreement = per_token(result, &ItemResult::agrees, math::share_estimate);
}

TaskComparison compare_results(const TaskResult& original, const TaskResult& other) {
  check(original.content_hash == other.content_hash && original.items.size() == other.items.size(), original.name,
        ": the two results are of different rows");
  TaskComparison comparison;
  for (std::size_t m = 0; m < std::min(original.metrics.size(), other.metrics.size()); ++m) {
    comparison.metrics.push_back(compare_metrics(original.metrics[m], other.metrics[m]));
  }
  std::vector<double> differences, tokens;
  for (std::size_t i = 0; i < original.items.size(); ++i) {
    differences.push_back(other.items[i].loss - original.items[i].loss);
    tokens.push_back(static_cast<double>(original.items[i].num_tokens));
    if (original.items[i].score != other.items[i].score) comparison.flips.push_back(i);
  }
  comparison.loss_difference =
      math::ratio_estimate(cluster_sums(original.clusters, differences), cluster_sums(original.clusters, tokens));
  return comparison;
}

}  // namespace uncurl::eval
