#include <gmock/gmock.h>

#include <limits>

#include "tests/prune/fixtures.h"
#include "uncurl/base/file.h"

namespace uncurl::prune {
namespace {

using test::TemporaryFolder;

Plan sample_plan() {
  ExpertGroup merged = merged_group({1, 3, 4}, 3, {0.1, 0.7, 1 - 0.1 - 0.7});
  merged.scale = 1.0 / 3;
  ExpertGroup scaled = single_group(2);
  scaled.scale = std::nextafter(1.0, 2.0);
  Plan plan{.model_fingerprint = "0123",
            .model_type = "olmoe",
            .stats_path = "stats \"quoted\".safetensors",
            .stats_hash = "4567",
            .options = {{"method", "uncurl"}, {"weights", {0.1, 0.2}}},
            .align = {.permute = true, .rescale = false},
            .ridge = 0.1 + 0.2,
            .seed = std::numeric_limits<std::uint64_t>::max(),
            .allow_mixed_counts = true};
  plan.layers = {
      {.layer = 1, .method = "uncurl", .router = "lse", .groups = {single_group(0), single_group(5), scaled, merged}},
      {.layer = 3, .method = "frequency", .router = "slice", .groups = {single_group(7)}}};
  return plan;
}

/// The text of a small good plan with `from` replaced by `to`, and what reading it complains about.
std::string fault(const std::string& from, const std::string& to) {
  const TemporaryFolder folder;
  write_plan(folder / "plan.json", sample_plan());
  std::string text = read_text(folder / "plan.json");
  const std::size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from << " is not in\n" << text;
  text.replace(place, from.size(), to);
  write_text(folder / "plan.json", text);
  return error_of([&] { read_plan(folder / "plan.json"); });
}

TEST(PlanFile, ReadsBackExactly) {
  const TemporaryFolder folder;
  const Plan plan = sample_plan();
  write_plan(folder / "plan.json", plan);
  const Plan read = read_plan(folder / "plan.json");
  EXPECT_EQ(read.model_fingerprint, plan.model_fingerprint);
  EXPECT_EQ(read.model_type, plan.model_type);
  EXPECT_EQ(read.stats_path, plan.stats_path);
  EXPECT_EQ(read.stats_hash, plan.stats_hash);
  EXPECT_EQ(read.options, plan.options);
  EXPECT_TRUE(read.align.permute);
  EXPECT_FALSE(read.align.rescale);
  EXPECT_EQ(read.ridge, plan.ridge);
  EXPECT_EQ(read.seed, plan.seed);
  EXPECT_TRUE(read.allow_mixed_counts);
  ASSERT_EQ(read.layers.size(), plan.layers.size());
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    EXPECT_EQ(read.layers[i].layer, plan.layers[i].layer);
    EXPECT_EQ(read.layers[i].method, plan.layers[i].method);
    EXPECT_EQ(read.layers[i].router, plan.layers[i].router);
    ASSERT_EQ(read.layers[i].groups.size(), plan.layers[i].groups.size());
    for (std::size_t g = 0; g < plan.layers[i].groups.size(); ++g) {
      const ExpertGroup &found = read.layers[i].groups[g], &expected = plan.layers[i].groups[g];
      EXPECT_EQ(found.members, expected.members);
      EXPECT_EQ(found.anchor, expected.anchor);
      EXPECT_EQ(found.weights, expected.weights);
      EXPECT_EQ(found.scale, expected.scale);
    }
  }
}

TEST(PlanFile, NamesHowGroupsAreMergedWhereItIsNotTheAverage) {
  const TemporaryFolder folder;
  Plan plan = sample_plan();
  plan.layers[1].merge = "another way";
  plan.layers[1].match = kMatchActivations;
  write_plan(folder / "plan.json", plan);
  const Plan read = read_plan(folder / "plan.json");
  EXPECT_EQ(read.layers[0].merge, kMergeAverage);
  EXPECT_EQ(read.layers[1].merge, "another way");
  EXPECT_EQ(read.layers[0].match, kMatchWeights);
  EXPECT_EQ(read.layers[1].match, kMatchActivations);
}

TEST(PlanFile, WritesTheSameBytesForTheSamePlan) {
  const TemporaryFolder folder;
  write_plan(folder / "a.json", sample_plan());
  write_plan(folder / "b.json", read_plan(folder / "a.json"));
  EXPECT_EQ(read_text(folder / "a.json"), read_text(folder / "b.json"));
}

TEST(PlanFile, TakesAGroupOfOneWithoutAnchorAndWeights) {
  const TemporaryFolder folder;
  write_plan(folder / "plan.json", sample_plan());
  std::string text = read_text(folder / "plan.json");
  text.replace(text.find(" 7]"), 2, " {\"members\": [7]}");
  write_text(folder / "plan.json", text);
  const ExpertGroup group = read_plan(folder / "plan.json").layers[1].groups[0];
  EXPECT_EQ(group.anchor, 7);
  EXPECT_THAT(group.weights, ElementsAre(1.0));
}

TEST(PlanFile, RefusesUnknownKeysAtEveryDepth) {
  EXPECT_THAT(fault("\"ridge\"", "\"rigde\": 1, \"ridge\""), HasSubstr("unknown key 'rigde'"));
  EXPECT_THAT(fault("\"permute\"", "\"flip\": true, \"permute\""), HasSubstr("unknown key 'flip'"));
  EXPECT_THAT(fault("\"fingerprint\"", "\"name\": \"x\", \"fingerprint\""), HasSubstr("unknown key 'name'"));
  EXPECT_THAT(fault("\"hash\"", "\"size\": 1, \"hash\""), HasSubstr("unknown key 'size'"));
  EXPECT_THAT(fault("\"router\"", "\"seed\": 1, \"router\""), HasSubstr("unknown key 'seed'"));
  EXPECT_THAT(fault("\"anchor\"", "\"anker\": 1, \"anchor\""), HasSubstr("unknown key 'anker'"));
}

TEST(PlanFile, RefusesMissingKeys) {
  EXPECT_THAT(fault("\"anchor\":3,", ""), HasSubstr("key 'anchor' is missing"));
  EXPECT_THAT(fault("\"router\": \"lse\", ", ""), HasSubstr("key 'router' is missing"));
  EXPECT_THAT(fault("\"seed\": 18446744073709551615,", ""), HasSubstr("key 'seed' is missing"));
}

TEST(PlanFile, RefusesAnotherVersion) {
  EXPECT_THAT(fault("\"version\": 1", "\"version\": 2"), HasSubstr("has version 2, expected 1"));
}

TEST(PlanFile, RefusesWhatIsNotTheNumberOfAnExpertAndSaysWhere) {
  EXPECT_THAT(fault("[1,3,4]", "[1,3.5,4]"), HasSubstr("entry 0 of 'layers', group 3: found 3.5"));
  EXPECT_THAT(fault(" 7]", " \"7\"]"), HasSubstr("entry 1 of 'layers', group 0"));
  EXPECT_THAT(fault(" 7]", " 4294967303]"), HasSubstr("found 4294967303"));  // 7 if it were cut to 32 bits
  EXPECT_THAT(fault("\"anchor\":3", "\"anchor\":4294967299"), HasSubstr("found 4294967299"));
  EXPECT_THAT(fault("[1,3,4]", "[]"), HasSubstr("has no members"));
  EXPECT_THAT(fault("0.7,", "\"0.7\","), HasSubstr("expected a weight"));
}

}  // namespace
}  // namespace uncurl::prune
