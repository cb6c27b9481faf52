#include "uncurl/report/html.h"

#include <gtest/gtest.h>

namespace uncurl::report {
namespace {

TEST(Html, AStringBecomesText) {
  EXPECT_EQ(element("p", {"a < b & \"c\""}).markup(), "<p>a &lt; b &amp; &quot;c&quot;</p>");
}

TEST(Html, MarkupOfElementsIsNotEscapedAgain) {
  EXPECT_EQ(element("p", {element("b", {"x"}), " & y"}).markup(), "<p><b>x</b> &amp; y</p>");
}

TEST(Html, AnAttributeCannotEndItself) {
  EXPECT_EQ(element("a", {{"title", "\" onclick='x'"}}, {}).markup(), "<a title=\"&quot; onclick=&#39;x&#39;\"></a>");
}

TEST(Html, VoidElementsHaveNoEnd) {
  EXPECT_EQ(element("meta", {{"charset", "utf-8"}}, {}).markup(), "<meta charset=\"utf-8\">");
}

TEST(Html, ControlsBecomeTheReplacementCharacter) { EXPECT_EQ(escape(std::string("a\0b\x1b", 4)), "a�b�"); }

TEST(Html, OtherLanguagesStay) { EXPECT_EQ(escape("naïve 模型"), "naïve 模型"); }

// An HTML parser ends a script at </script, and after <!-- <script at none; JSON has < in strings alone.
TEST(Html, EmbeddedJsonCannotEndItsScript) {
  EXPECT_EQ(embedded_json(R"({"name":"</script><!--"})").markup(), R"({"name":"\u003c/script>\u003c!--"})");
}

}  // namespace
}  // namespace uncurl::report
