#include "uncurl/model/family.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/error_of.h"

namespace uncurl::model {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;

TEST(Family, NamesAreUnique) {
  std::set<std::string> names;
  for (const Family& family : families()) EXPECT_TRUE(names.insert(family.model_type).second) << family.model_type;
  EXPECT_EQ(names.size(), 5u);
}

TEST(Family, RowsAreComplete) {
  for (const Family& family : families()) {
    EXPECT_FALSE(family.description.empty()) << family.model_type;
    EXPECT_FALSE(family.example.empty()) << family.model_type;
    EXPECT_FALSE(family.keys.num_experts.empty()) << family.model_type;
    EXPECT_FALSE(family.layouts.empty()) << family.model_type;
  }
}

TEST(Family, LayoutsNameWhatTheyHold) {
  for (const Family& family : families()) {
    for (const ExpertLayout& layout : family.layouts) {
      EXPECT_THAT(layout.router, HasSubstr("{layer}"));
      EXPECT_EQ(layout.down.find("{expert}") == std::string::npos, layout.fused) << layout.down;
      EXPECT_EQ(layout.gate_up.empty(), !layout.fused) << layout.gate_up;
      EXPECT_EQ(layout.gate.empty(), layout.fused || family.names.dense_gate.empty()) << layout.gate;
      EXPECT_EQ(layout.is_gated(), !family.names.dense_gate.empty()) << layout.gate;
    }
  }
}

TEST(Family, IsFoundByItsModelType) { EXPECT_EQ(find_family("olmoe").model_type, "olmoe"); }

TEST(Family, AnUnknownModelTypeIsAnsweredWithTheKnownOnes) {
  EXPECT_THAT(error_of([] { find_family("llama"); }),
              AllOf(HasSubstr("'llama'"), HasSubstr("qwen3_moe"), HasSubstr("qwen2_moe"), HasSubstr("mixtral"),
                    HasSubstr("olmoe")));
}

TEST(Family, NamesAreFilledWithNumbers) {
  EXPECT_EQ(fill_name("model.layers.{layer}.mlp.experts.{expert}.up_proj.weight", 12, 105),
            "model.layers.12.mlp.experts.105.up_proj.weight");
  EXPECT_EQ(fill_name("model.layers.{layer}.mlp.gate.weight", 0), "model.layers.0.mlp.gate.weight");
}

}  // namespace
}  // namespace uncurl::model
