#include "uncurl/report/page.h"

#include "uncurl/report/assets.h"
#include "uncurl/report/html.h"
#include "uncurl/report/section.h"

namespace uncurl::report {
namespace {

std::vector<Section> sections_of(const Study& study) {
  std::vector<Section> sections;
  if (!study.trained) sections.push_back(subject_section(study));
  const auto add = [&](std::optional<Section> section) {
    if (section) sections.push_back(std::move(*section));
  };
  add(quality_section(study));
  add(ranking_section(study));
  add(score_section(study));
  add(change_section(study));
  add(size_section(study));
  add(usage_section(study));
  add(affinity_section(study));
  add(layer_error_section(study));
  add(cross_task_section(study));
  add(prediction_section(study));
  add(timing_section(study));
  add(pretraining_section(study));
  add(trained_pruning_section(study));
  add(trained_score_section(study));
  add(trained_difference_section(study));
  add(trained_use_section(study));
  add(embedding_section(study));
  return sections;
}

std::string title_of(const Study& study) { return study.model.name.empty() ? "Pruned checkpoints" : study.model.name; }

std::string page_title(const std::vector<Study>& studies) {
  return studies.size() == 1 ? title_of(studies.front())
                             : count_text(static_cast<std::int64_t>(studies.size())) + " studies";
}

/// What each section found, with the way there: a summary and a table of contents in one.
Html summary_html(const std::vector<Section>& sections, const std::string& prefix) {
  std::vector<Html> items;
  for (const Section& section : sections) {
    const Html link = element("a", {{"href", "#" + prefix + section.id}}, {section.title});
    items.push_back(element("li", {link, element("span", {section.takeaway})}));
  }
  return element("nav", {{"aria-label", "Summary"}}, {element("ul", {{"class", "summary"}}, items)});
}

Html section_html(const Section& section, const std::string& prefix) {
  std::vector<Html> parts = {element("h3", {section.title})};
  if (!section.takeaway.empty()) parts.push_back(element("p", {{"class", "takeaway"}}, {section.takeaway}));
  parts.push_back(section.body);
  return element("section", {{"id", prefix + section.id}}, parts);
}

Html study_html(const Study& study, const std::string& prefix) {
  const std::vector<Section> sections = sections_of(study);
  std::vector<Html> parts = {element("h2", {title_of(study)}), summary_html(sections, prefix)};
  for (const Section& section : sections) parts.push_back(section_html(section, prefix));
  return element("article", parts);
}

Html head_html(const std::string& title) {
  return element(
      "head", {element("meta", {{"charset", "utf-8"}}, {}),
               element("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}}, {}),
               element("meta", {{"name", "color-scheme"}, {"content", "light dark"}}, {}),
               element("link", {{"rel", "icon"}, {"href", "data:,"}}, {}),
               element("title", {title + " – uncurl report"}), element("style", {Html::trusted(assets::page_css())})});
}

Html footer_html() {
  const std::string how =
      "Written by uncurl. Intervals are 95%. The charts are drawn by Vega-Lite, which is in this page.";
  return element("footer",
                 {element("p", {how}), element("details", {element("summary", {"Licences of the chart library"}),
                                                           element("pre", {std::string(assets::notice())})})});
}

/// Modules run after the document is read, in their order: the library, then the script that starts it.
Html scripts_html() {
  return Html::trusted("<script type=\"application/json\" id=\"chart-config\">" + std::string(assets::chart_config()) +
                       "</script>\n<script type=\"module\">" + std::string(assets::vega()) +
                       "</script>\n<script type=\"module\">" + std::string(assets::page_js()) + "</script>\n");
}

}  // namespace

std::string page(const std::vector<Study>& studies) {
  const std::string title = page_title(studies);
  std::vector<Html> body = {element("header", {element("p", {"uncurl report"}), element("h1", {title})})};
  for (std::size_t i = 0; i < studies.size(); ++i) {
    const std::string prefix = studies.size() == 1 ? "" : "study-" + std::to_string(i + 1) + "-";
    body.push_back(study_html(studies[i], prefix));
  }
  body.push_back(footer_html());
  return "<!DOCTYPE html>\n" +
         element("html", {{"lang", "en"}}, {head_html(title), element("body", {element("main", body), scripts_html()})})
             .markup() +
         "\n";
}

}  // namespace uncurl::report
