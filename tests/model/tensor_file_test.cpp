#include "uncurl/model/tensor_file.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "tests/support/expect_near.h"
#include "tests/support/temporary_folder.h"
#include "uncurl/base/file.h"

namespace uncurl::model {
namespace {

using test::error_of;
using test::random_tensor;
using test::TemporaryFolder;
using testing::AllOf;
using testing::HasSubstr;

TEST(TensorFile, ReadsBackEveryTensorAndTheMetadata) {
  const TemporaryFolder folder;
  const NamedTensors tensors = {{"odd", random_tensor({3}, 1).to(at::kBFloat16)},
                                {"gram", random_tensor({4, 4}, 2).to(at::kDouble)},
                                {"transposed", random_tensor({3, 5}, 3).t()},
                                {"counts", test::random_ids({6}, 9, 4)},
                                {"scalar", at::scalar_tensor(2.5)},
                                {"nothing", at::empty({0, 3})}};
  const Json metadata = {{"version", 1}, {"list", {1, 2}}, {"text", "\"quoted\" \u00e9"}, {"ratio", 0.1}};
  write_tensor_file(folder / "stats.safetensors", tensors, metadata);
  const TensorFile file = read_tensor_file(folder / "stats.safetensors");
  EXPECT_EQ(file.metadata.dump(), metadata.dump());
  EXPECT_EQ(file.tensors.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) EXPECT_TRUE(test::identical(file.at(name), tensor)) << name;
}

TEST(TensorFile, StaysReadableAfterTheFileIsReplaced) {
  const TemporaryFolder folder;
  write_tensor_file(folder / "a", {{"x", at::ones({3})}}, Json::object());
  const Tensor before = read_tensor_file(folder / "a").at("x");
  write_tensor_file(folder / "a", {{"x", at::zeros({3})}}, Json::object());
  EXPECT_TRUE(test::identical(before, at::ones({3})));
  EXPECT_TRUE(test::identical(read_tensor_file(folder / "a").at("x"), at::zeros({3})));
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "a")));
}

TEST(TensorFile, NamesTheTensorThatIsMissing) {
  const TemporaryFolder folder;
  write_tensor_file(folder / "a", {{"x", at::ones({3})}}, Json::object());
  EXPECT_THAT(error_of([&] { (void)read_tensor_file(folder / "a").at("gram.3"); }), HasSubstr("'gram.3'"));
}

TEST(TensorFile, RefusesSafetensorsOfOthers) {
  const TemporaryFolder folder;
  const std::string header = R"({"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  write_text(folder / "foreign", file + header + "x");
  EXPECT_THAT(error_of([&] { read_tensor_file(folder / "foreign"); }),
              AllOf(HasSubstr((folder / "foreign").string()), HasSubstr("not one of uncurl's")));
}

TEST(TensorFile, NamesTheFileThatIsNone) {
  const TemporaryFolder folder;
  write_text(folder / "text", "hello");
  EXPECT_THAT(error_of([&] { read_tensor_file(folder / "text"); }), HasSubstr((folder / "text").string()));
}

TEST(TensorFile, LeavesTheOldFileAloneWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_tensor_file(folder / "a", {{"x", at::ones({3})}}, Json::object());
  std::filesystem::create_symlink("/dev/full", partial_name(folder / "a"));
  EXPECT_THAT(error_of([&] {
                write_tensor_file(folder / "a", {{"x", at::zeros({3})}}, Json::object());
              }),
              HasSubstr("No space left on device"));
  EXPECT_TRUE(test::identical(read_tensor_file(folder / "a").at("x"), at::ones({3})));
  EXPECT_FALSE(std::filesystem::is_symlink(partial_name(folder / "a")));
}

TEST(TensorFile, NamesTheTargetThatCannotBeReplaced) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(error_of([&] {
                write_tensor_file(folder / "taken", {{"x", at::ones({3})}}, Json::object());
              }),
              HasSubstr("cannot be replaced"));
  EXPECT_FALSE(std::filesystem::exists(partial_name(folder / "taken")));
}

TEST(TensorFile, HoldsMetadataThatIsNotUtf8) {  // paths and templates of the user's get there
  const TemporaryFolder folder;
  write_tensor_file(folder / "a", {{"x", at::ones({3})}}, {{"name", "caf\xe9.jsonl"}});
  EXPECT_EQ(read_tensor_file(folder / "a").metadata["name"], "caf\ufffd.jsonl");
}

TEST(TensorFile, RefusesTypesThatNoFileHolds) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] {
                write_tensor_file(folder / "a", {{"z", at::zeros({2}, at::kComplexFloat)}}, Json::object());
              }),
              HasSubstr("ComplexFloat"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
}

}  // namespace
}  // namespace uncurl::model
