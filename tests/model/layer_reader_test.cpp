#include "uncurl/model/layer_reader.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "tests/support/error_of.h"
#include "tests/support/expect_near.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_checkpoint.h"

namespace uncurl::model {
namespace {

using test::error_of;
using test::TemporaryFolder;
using testing::HasSubstr;

struct Opened {
  TemporaryFolder folder;
  Model model;

  explicit Opened(const test::TinyModel& tiny = {}) : model(open(folder.path() / "model", tiny)) {}

  static Model open(const std::filesystem::path& place, const test::TinyModel& tiny) {
    test::write_tiny_checkpoint(place, tiny);
    return open_model(place);
  }

  void cut() const {
    const std::filesystem::path file = model.folder() / "model.safetensors";
    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 8);
  }
};

const std::string kExpert = "model.layers.1.mlp.experts.2.up_proj.weight";
const std::string kRouter = "model.layers.1.mlp.gate.weight";

TEST(LayerReader, GivesTheTensorsOfTheLayerThatItBeganToRead) {
  const Opened opened;
  LayerReader reader(opened.model);
  reader.start(1);
  const StoredLayer layer = reader.take(1);
  EXPECT_TRUE(test::identical(layer.at(kExpert), stored_tensor(opened.model.checkpoint, kExpert)));
  EXPECT_FALSE(layer.contains("model.layers.0.mlp.gate.weight"));
}

TEST(LayerReader, KeepsWhatItReadsAheadWhileAnotherLayerIsTaken) {
  const Opened opened;
  LayerReader reader(opened.model);
  reader.start(1);
  EXPECT_TRUE(reader.take(0).contains("model.layers.0.mlp.gate.weight"));
  EXPECT_TRUE(reader.take(1).contains(kExpert));
}

TEST(LayerReader, LeavesExpertsOutWhereTheyAreNotWanted) {
  const Opened opened;
  LayerReader reader(opened.model);
  reader.start(1, LayerPart::kWithoutExperts);
  const StoredLayer layer = reader.take(1, LayerPart::kWithoutExperts);
  EXPECT_TRUE(layer.contains(kRouter));
  EXPECT_FALSE(layer.contains(kExpert));
  EXPECT_TRUE(reader.take(1).contains(kExpert));
}

TEST(LayerReader, GivesUpALayerThatNobodyTakes) {
  const Opened opened;
  LayerReader reader(opened.model);
  for (int i = 0; i < 50; ++i) {
    reader.start(0);
    reader.start(1);
  }
  EXPECT_TRUE(reader.take(1).contains(kExpert));
  reader.start(0);  // and at its end
}

TEST(LayerReader, TellsOfAFileThatFailsWhereTheLayerIsTaken) {
  const Opened opened;
  opened.cut();
  LayerReader reader(opened.model);
  reader.start(1);
  EXPECT_THAT(error_of([&] { reader.take(1); }), HasSubstr("model.safetensors: has "));
  EXPECT_THAT(error_of([&] { reader.take(1); }), HasSubstr("model.safetensors: has "));  // without a thread
}

}  // namespace
}  // namespace uncurl::model
