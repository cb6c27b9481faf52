// What was done with which data: the model, the tasks, the command.
#include <algorithm>
#include <set>

#include "uncurl/base/join.h"
#include "uncurl/report/figure.h"
#include "uncurl/report/measures.h"
#include "uncurl/report/section.h"

namespace uncurl::report {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

Html facts_html(const Facts& facts) {
  std::vector<Html> items;
  for (const auto& [name, value] : facts) {
    items.push_back(element("div", {element("dt", {name}), element("dd", {value})}));
  }
  return element("dl", {{"class", "facts"}}, items);
}

Facts model_facts(const Study& study) {
  const ModelFacts& model = study.model;
  Facts facts;
  if (!model.family.empty()) facts.emplace_back("Family", model.family);
  if (model.num_layers) facts.emplace_back("Layers", count_text(*model.num_layers));
  if (model.num_experts) {
    facts.emplace_back("Experts a layer", count_text(*model.num_experts) +
                                              (model.top_k ? ", " + count_text(*model.top_k) + " at a time" : ""));
  }
  if (model.parameters) facts.emplace_back("Parameters", count_text(*model.parameters));
  if (model.active_parameters) facts.emplace_back("Active for a token", count_text(*model.active_parameters));
  if (model.bytes) facts.emplace_back("Weights", bytes_text(static_cast<double>(*model.bytes)));
  if (!study.version.empty()) facts.emplace_back("uncurl", study.version);
  return facts;
}

std::string optional_count(const std::optional<std::int64_t>& count) { return count ? count_text(*count) : "–"; }

Table task_table(const Study& study) {
  Table table{.head = {"Task", "Tokens observed", "Tokens held out", "Weight"}};
  bool any_weight = false, any_observed = false;
  for (const TaskFacts& task : study.tasks) {
    any_weight = any_weight || task.weight;
    any_observed = any_observed || task.observed_tokens;
  }
  if (!any_weight) table.head.pop_back();
  if (!any_observed) table.head.erase(table.head.begin() + 1);
  for (const TaskFacts& task : study.tasks) {
    std::vector<std::string> row = {task.name};
    if (any_observed) row.push_back(optional_count(task.observed_tokens));
    row.push_back(optional_count(task.held_out_tokens));
    if (any_weight) row.push_back(task.weight ? given_text(*task.weight) : "–");
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string score_text(const std::optional<Score>& score) {
  return score ? score->metric + " " + estimate_text(score->value) : "–";
}

/// The original on its own: what the smaller models are measured against.
Table original_table(const Study& study) {
  Table table{.head = {"Original model on", "Tokens", "Loss, nats a token", "Perplexity", "Score"}};
  const bool any_score = std::any_of(study.original.begin(), study.original.end(),
                                     [](const TaskResult& result) { return result.score.has_value(); });
  if (!any_score) table.head.pop_back();
  for (const TaskResult& result : study.original) {
    if (!result.loss && !result.perplexity && !result.score) continue;
    table.rows.push_back({task_words(result.task), optional_count(result.num_tokens),
                          result.loss ? estimate_text(*result.loss) : "–",
                          result.perplexity ? estimate_text(*result.perplexity) : "–"});
    if (any_score) table.rows.back().push_back(score_text(result.score));
  }
  return table;
}

std::string measured_alone(const Study& study) {
  return "The model by itself, measured on " + counted(static_cast<std::int64_t>(study.tasks.size()), "task") + ".";
}

std::string what_was_tried(const Study& study) {
  if (study.points.empty()) return study.original.empty() ? "" : measured_alone(study);
  std::vector<std::string> sizes;
  for (const std::int64_t count : counts(study)) sizes.push_back(std::to_string(count));
  std::set<std::string> methods;
  bool any_mixed = false;
  for (const Point& point : study.points) {
    if (!point.mixed) methods.insert(point.method);
    any_mixed = any_mixed || point.mixed;
  }
  if (methods.empty()) methods.insert(study.points.front().method);
  std::string text = counted(static_cast<std::int64_t>(methods.size()), "method") + " at " + join(sizes) + " experts";
  if (any_mixed) text += ", some also with different numbers by layer (mixed)";
  if (!study.tasks.empty()) {
    text += ", measured on held-out rows of " + counted(static_cast<std::int64_t>(study.tasks.size()), "task");
  }
  return text + ".";
}

}  // namespace

Section subject_section(const Study& study) {
  Section section{.id = "subject", .title = "What was done", .takeaway = what_was_tried(study)};
  section.body += facts_html(model_facts(study));
  if (!study.tasks.empty()) section.body += table_html(task_table(study));
  const Table original = original_table(study);
  if (!original.rows.empty()) section.body += table_html(original);
  if (!study.command.empty()) section.body += element("pre", {element("code", {study.command})});
  section.body += element("p", {{"class", "note"}}, {"Read from " + study.place + "."});
  return section;
}

}  // namespace uncurl::report
