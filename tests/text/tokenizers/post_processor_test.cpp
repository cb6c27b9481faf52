#include "uncurl/text/tokenizers/post_processor.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

SpecialTokens read(const std::string& json) { return read_post_processor(Json::parse(json), "here"); }

const std::string kTemplate =
    R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
    {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}], "pair": [],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [2, 3], "tokens": []}}})";

TEST(PostProcessor, AddsNothingIfThereIsNone) {
  EXPECT_THAT(read("null").before, ElementsAre());
  EXPECT_THAT(read(R"({"type": "ByteLevel"})").after, ElementsAre());
}

TEST(PostProcessor, ReadsATemplate) {
  EXPECT_THAT(read(kTemplate).before, ElementsAre(1));
  EXPECT_THAT(read(kTemplate).after, ElementsAre(2, 3));
}

TEST(PostProcessor, ReadsRobertasPair) {
  const SpecialTokens tokens = read(R"({"type": "RobertaProcessing", "cls": ["<s>", 7], "sep": ["</s>", 8]})");
  EXPECT_THAT(tokens.before, ElementsAre(7));
  EXPECT_THAT(tokens.after, ElementsAre(8));
}

TEST(PostProcessor, WrapsWhatCameBefore) {
  const SpecialTokens tokens = read(R"({"type": "Sequence", "processors": [{"type": "ByteLevel"}, )" + kTemplate +
                                    R"(, {"type": "BertProcessing", "cls": ["C", 7], "sep": ["S", 8]}]})");
  EXPECT_THAT(tokens.before, ElementsAre(7, 1));
  EXPECT_THAT(tokens.after, ElementsAre(2, 3, 8));
}

TEST(PostProcessor, RefusesWhatItCannotFollow) {
  EXPECT_THAT(error_of([] { read(R"({"type": "Magic"})"); }), HasSubstr("here: post-processor type 'Magic'"));
  EXPECT_THAT(error_of([] { read(R"({"type": "TemplateProcessing", "single": []})"); }), HasSubstr("occurs 0 times"));
  EXPECT_THAT(
      error_of([] {
        read(R"({"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>"}}], "special_tokens": {}})");
      }),
      HasSubstr("<s>"));
  EXPECT_THAT(error_of([] { read(R"({"type": "BertProcessing", "cls": ["C", -7], "sep": ["S", 8]})"); }),
              HasSubstr("token id"));
}

}  // namespace
}  // namespace uncurl::text
