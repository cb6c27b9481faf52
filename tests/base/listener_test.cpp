#include "uncurl/base/listener.h"

#include <gtest/gtest.h>

namespace uncurl {
namespace {

TEST(Listener, WithoutCallbacksListensToNothing) {
  const Listener listener;
  EXPECT_NO_THROW(listener.progress({}));
  EXPECT_NO_THROW(listener.note("text"));
  EXPECT_NO_THROW(listener.warning("text"));
}

TEST(Listener, PassesOnWhatItIsTold) {
  std::string heard;
  const Listener listener{.on_progress = [&](const Progress& step) { heard += step.label; },
                          .on_note = [&](const std::string& text) { heard += " note " + text; },
                          .on_warning = [&](const std::string& text) { heard += " warning " + text; }};
  listener.progress({.label = "layer 1"});
  listener.note("a");
  listener.warning("b");
  EXPECT_EQ(heard, "layer 1 note a warning b");
}

}  // namespace
}  // namespace uncurl
