#include "uncurl/eval/encode.h"

#include "tests/eval/fixtures.h"

namespace uncurl::eval {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// LetterTokenizer: a is 1, b is 2, a space is 0.
const LetterTokenizer kLetters;

TEST(Encoder, CutsWhereTheContextEnds) {
  const Request request = Encoder{kLetters, text::NamedToken(31), 10}.pair("ab", " cd");
  EXPECT_THAT(request.ids, ElementsAre(1, 2, 0, 3, 4));
  EXPECT_EQ(request.first_scored, 2);
}

TEST(Encoder, GivesTheSpaceAtTheEndOfTheContextToTheContinuation) {
  const Request request = Encoder{kLetters, text::NamedToken(31), 10}.pair("ab ", "cd");
  EXPECT_THAT(request.ids, ElementsAre(1, 2, 0, 3, 4));
  EXPECT_EQ(request.first_scored, 2);
}

TEST(Encoder, PutsABeginningBeforeATextWithoutContext) {
  const Request request = Encoder{kLetters, text::NamedToken(31), 10}.pair("", "ab");
  EXPECT_THAT(request.ids, ElementsAre(31, 1, 2));
  EXPECT_EQ(request.first_scored, 1);
}

// Five tokens are seen, so six are kept: the last is only judged.
TEST(Encoder, CutsWhatIsTooLongFromTheLeft) {
  const Request request = Encoder{kLetters, text::NamedToken(31), 5}.pair("abcdef", "gh");
  EXPECT_THAT(request.ids, ElementsAre(3, 4, 5, 6, 7, 8));
  EXPECT_EQ(request.first_scored, 4);
  EXPECT_THAT(test::error_of([] {
                Encoder{kLetters, text::NamedToken(31), 2}.pair("a", "bcd");
              }),
              HasSubstr("longer than the 2"));
}

// By hand from lm-eval's get_rolling_token_windows([1..7], prefix_token=31, max_seq_len=3, context_len=1) and
// make_disjoint_window: ([31],[1,2,3]), ([3],[4,5,6]), ([4,5,6],[7]).
TEST(Encoder, RollsItsWindowOverATextAsTheHarnessDoes) {
  const std::vector<Request> windows = Encoder{kLetters, text::NamedToken(31), 3}.windows("abcdefg");
  ASSERT_EQ(windows.size(), 3u);
  EXPECT_THAT(windows[0].ids, ElementsAre(31, 1, 2, 3));
  EXPECT_EQ(windows[0].first_scored, 1);
  EXPECT_THAT(windows[1].ids, ElementsAre(3, 4, 5, 6));
  EXPECT_EQ(windows[1].first_scored, 1);
  EXPECT_THAT(windows[2].ids, ElementsAre(4, 5, 6, 7));
  EXPECT_EQ(windows[2].first_scored, 3);
}

TEST(Encoder, LeavesRoomBehindAPrompt) {
  EXPECT_THAT((Encoder{kLetters, text::NamedToken(31), 5}.prompt("abcdef", 2)), ElementsAre(4, 5, 6));
  EXPECT_THAT(test::error_of([] {
                (void)Encoder{kLetters, text::NamedToken(31), 5}.prompt("a", 5);
              }),
              HasSubstr("no room"));
}

}  // namespace
}  // namespace uncurl::eval
