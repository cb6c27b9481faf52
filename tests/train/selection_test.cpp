#include "uncurl/train/selection.h"

#include <gtest/gtest.h>

#include "uncurl/base/error.h"

namespace uncurl::train {
namespace {

const std::vector<Parameter>& some() {
  static const std::vector<Parameter> made = {
      {"model.layers.0.mlp.gate.weight", Part::kRouters, nullptr},
      {"model.layers.0.mlp.experts.down_proj[12].down", Part::kExperts, nullptr},
      {"model.layers.1.mlp.gate.weight", Part::kRouters, nullptr},
      {"model.norm.weight", Part::kNorms, nullptr}};
  return made;
}

TEST(Selection, KnowsPartsAndPatterns) {
  EXPECT_EQ(select(some(), {"routers"}, {}, "train"), (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(select(some(), {"*"}, {"model.layers.0.*"}, "train"), (std::vector<bool>{false, false, true, true}));
  EXPECT_EQ(select(some(), {"*layers.?.mlp.gate*", "norms"}, {}, "train"),
            (std::vector<bool>{true, false, true, true}));
  EXPECT_EQ(select(some(), {"*down_proj[12].down"}, {}, "train"), (std::vector<bool>{false, true, false, false}));
}

TEST(Selection, RefusesWhatMatchesNothing) {
  try {
    select(some(), {"routers"}, {"model.layers.7.*"}, "train");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("freeze: 'model.layers.7.*' matches no tensor"), std::string::npos);
  }
}

}  // namespace
}  // namespace uncurl::train
