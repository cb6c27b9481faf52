#include "uncurl/text/tokenizers/bounded.h"

#include "tests/text/fixtures.h"

namespace uncurl::text {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Ids 0 to 2 have embeddings; "<image>" was added later, with id 7.
std::unique_ptr<Tokenizer> bounded(const TemporaryFolder& folder, std::int64_t num_embeddings) {
  folder.write("tokenizer.json", R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2}, "merges": []},
      "added_tokens": [{"content": "<image>", "id": 7, "special": true}], "decoder": {"type": "ByteLevel"}})");
  return open_tokenizer(folder.path(), num_embeddings);
}

TEST(BoundedTokenizer, TakesTextsWithoutTheToken) {
  const TemporaryFolder folder;
  EXPECT_THAT(bounded(folder, 3)->encode("abc", false), ElementsAre(0, 1, 2));
}

TEST(BoundedTokenizer, NamesTheTokenThatHasNoEmbedding) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { bounded(folder, 3)->encode("ab<image>", false); }),
              AllOf(HasSubstr("'<image>' has id 7"), HasSubstr("3 ids"), HasSubstr(folder.path().string())));
  EXPECT_THAT(bounded(folder, 8)->encode("ab<image>", false), ElementsAre(0, 1, 7));
}

}  // namespace
}  // namespace uncurl::text
