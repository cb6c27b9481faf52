// Questions that several sections ask of a study: which result stands for all tasks, by what models are ordered.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "uncurl/report/study.h"

namespace uncurl::report {

/// The task whose numbers a headline quotes: "all" where there are several, else the only one. Empty without results.
std::string main_task(const Study& study);

/// Tasks with results, those of the file first, "all" last.
std::vector<std::string> result_tasks(const Study& study);

const TaskResult* find_result(const std::vector<TaskResult>& results, const std::string& task);

/// What is lost, in nats a token: KL(original || smaller), or the loss where KL was not measured. Less is better.
std::optional<Estimate> lost(const Point& point, const std::string& task);
std::string lost_name(const Study& study);  ///< "KL to the original" or "Loss"

/// Counts that were tried, descending.
std::vector<std::int64_t> counts(const Study& study);

/// The points at a count with a number for `task`, least lost first.
std::vector<const Point*> ranked(const Study& study, std::int64_t count, const std::string& task);

/// Methods by their mean rank over all counts on the main task, best first: the order of colours and legends.
std::vector<std::string> methods_in_order(const Study& study);

/// "math", or "all tasks"
std::string task_words(const std::string& task);

}  // namespace uncurl::report
