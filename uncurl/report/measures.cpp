#include "uncurl/report/measures.h"

#include <algorithm>
#include <functional>
#include <set>

namespace uncurl::report {

std::vector<std::string> result_tasks(const Study& study) {
  std::vector<std::string> tasks;
  bool all = false;
  const auto add = [&](const std::vector<TaskResult>& results) {
    for (const TaskResult& result : results) {
      if (result.task == "all") {
        all = true;
      } else if (std::find(tasks.begin(), tasks.end(), result.task) == tasks.end()) {
        tasks.push_back(result.task);
      }
    }
  };
  add(study.original);
  for (const Point& point : study.points) add(point.results);
  if (all) tasks.push_back("all");
  return tasks;
}

std::string main_task(const Study& study) {
  const std::vector<std::string> tasks = result_tasks(study);
  return tasks.empty() ? "" : tasks.back() == "all" ? "all" : tasks.front();
}

const TaskResult* find_result(const std::vector<TaskResult>& results, const std::string& task) {
  const auto found =
      std::find_if(results.begin(), results.end(), [&](const TaskResult& result) { return result.task == task; });
  return found == results.end() ? nullptr : &*found;
}

std::optional<Estimate> lost(const Point& point, const std::string& task) {
  const TaskResult* const result = find_result(point.results, task);
  if (result == nullptr) return std::nullopt;
  return result->kl ? result->kl : result->loss;
}

std::string lost_name(const Study& study) {
  for (const Point& point : study.points) {
    for (const TaskResult& result : point.results) {
      if (result.kl) return "KL to the original";
    }
  }
  return "Loss";
}

std::vector<std::int64_t> counts(const Study& study) {
  std::set<std::int64_t, std::greater<>> found;
  for (const Point& point : study.points) found.insert(point.experts);
  return {found.begin(), found.end()};
}

std::vector<const Point*> ranked(const Study& study, std::int64_t count, const std::string& task) {
  std::vector<const Point*> points;
  for (const Point& point : study.points) {
    if (point.experts == count && lost(point, task)) points.push_back(&point);
  }
  std::stable_sort(points.begin(), points.end(),
                   [&](const Point* a, const Point* b) { return lost(*a, task)->value < lost(*b, task)->value; });
  return points;
}

std::vector<std::string> methods_in_order(const Study& study) {
  struct Ranks {
    double sum = 0;
    int n = 0;
  };
  std::map<std::string, Ranks> ranks;
  const std::string task = main_task(study);
  for (const Point& point : study.points) ranks[point.method];
  for (const std::int64_t count : counts(study)) {
    double rank = 0;
    for (const Point* const point : ranked(study, count, task)) {
      ranks[point->method].sum += rank++;
      ++ranks[point->method].n;
    }
  }
  std::vector<std::string> methods;
  for (const auto& [method, unused] : ranks) methods.push_back(method);
  const auto mean = [&](const std::string& method) {
    const Ranks& rank = ranks.at(method);
    return rank.n == 0 ? 1e9 : rank.sum / rank.n;
  };
  std::stable_sort(methods.begin(), methods.end(),
                   [&](const std::string& a, const std::string& b) { return mean(a) < mean(b); });
  return methods;
}

std::string task_words(const std::string& task) { return task == "all" ? "all tasks" : task; }

}  // namespace uncurl::report
