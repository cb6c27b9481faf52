#include "uncurl/report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/samples.h"

namespace uncurl::report {
namespace {

using test::least_sweep;
using test::small_sweep;
using test::study_of;
using ::testing::HasSubstr;
using ::testing::Not;

/// The page without the scripts at its end, which are not made from files.
std::string made_from_files(const std::vector<Study>& studies) {
  const std::string text = page(studies);
  return text.substr(0, text.find("id=\"chart-config\""));
}

TEST(Page, NamesFromFilesCannotBecomeMarkup) {
  Json file = small_sweep();
  file["model"]["name"] = "<img src=x onerror=alert(1)>";
  file["command"] = "</pre><script>alert(2)</script>";
  file["points"][0]["method"] = "</script><b>";
  const std::string text = made_from_files({study_of(file)});
  EXPECT_THAT(text, Not(HasSubstr("<img")));
  EXPECT_THAT(text, Not(HasSubstr("<script>alert")));
  EXPECT_THAT(text, Not(HasSubstr("</script><b>")));
  EXPECT_THAT(text, HasSubstr("&lt;img src=x onerror=alert(1)&gt;"));
}

TEST(Page, MissingPartsAreLeftOut) {
  const std::string text = page({study_of(least_sweep())});
  EXPECT_THAT(text, HasSubstr("id=\"subject\""));
  for (const char* const id :
       {"quality", "ranking", "scores", "size", "usage", "affinity", "layers", "cross-task", "prediction", "timings"}) {
    EXPECT_THAT(text, Not(HasSubstr("id=\"" + std::string(id) + "\""))) << id;
  }
  EXPECT_THAT(text, Not(HasSubstr("<figure>")));
}

TEST(Page, EmptyListsAreLeftOutToo) {
  Json file = small_sweep();
  file["layers"] = Json::array({{{"layer", 0}, {"usage", Json::array()}, {"error", Json::object()}}});
  file["timings"] = Json::object();
  file["threshold"] = nullptr;
  const std::string text = page({study_of(file)});
  EXPECT_THAT(text, Not(HasSubstr("id=\"usage\"")));
  EXPECT_THAT(text, Not(HasSubstr("id=\"layers\"")));
  EXPECT_THAT(text, Not(HasSubstr("id=\"timings\"")));
}

// The same bytes for the same studies; and nothing but data: and fragments is referred to.
TEST(Page, IsReproducibleAndRefersToNothingOutside) {
  const std::string text = page({study_of(small_sweep())});
  EXPECT_EQ(text, page({study_of(small_sweep())}));
  const std::string before_scripts = made_from_files({study_of(small_sweep())});
  EXPECT_THAT(before_scripts, Not(HasSubstr("http")));
  EXPECT_THAT(before_scripts, Not(HasSubstr("src=")));
}

TEST(Page, CarriesTheLicencesOfTheChartLibrary) {
  const std::string text = page({study_of(least_sweep())});
  EXPECT_THAT(text, HasSubstr("University of Washington Interactive Data Lab"));
  EXPECT_THAT(text, HasSubstr("Mike Bostock"));
}

TEST(Page, StudiesHaveAnchorsOfTheirOwn) {
  const std::string text = page({study_of(small_sweep()), study_of(small_sweep())});
  EXPECT_THAT(text, HasSubstr("id=\"study-1-ranking\""));
  EXPECT_THAT(text, HasSubstr("href=\"#study-2-ranking\""));
}

}  // namespace
}  // namespace uncurl::report
