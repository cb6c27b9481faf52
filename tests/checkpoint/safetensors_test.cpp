#include "uncurl/checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/fixtures.h"

namespace uncurl::checkpoint {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Written by safetensors.torch.save (0.8.0) of {"b": arange(6, bf16) as [2,3], "a": scalar f32 1.5, "none": i64 [0,4],
// 'ä"\n': [True, False]}.
constexpr std::string_view kHeader =
    R"({"__metadata__":{"format":"pt"},"none":{"dtype":"I64","shape":[0,4],"data_offsets":[0,0]},)"
    R"("a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2,3],"data_offsets":[4,16]},)"
    "\"\xc3\xa4\\\"\\n\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[16,18]}}    ";
constexpr std::string_view kData("\0\0\xc0?\0\0\x80?\0@@@\x80@\xa0@\x01\0", 18);

std::string complaint(const std::string& file) {
  return error_of([&] { parse_safetensors_header(as_bytes(file), "m.safetensors"); });
}

/// The complaint about a file with this header and so many bytes of data.
std::string complaint(std::string_view header, std::size_t data_bytes) {
  return complaint(raw_file(header, std::string(data_bytes, 'x')));
}

TEST(SafetensorsHeader, ReadsAFileOfTheReferenceImplementation) {
  const std::string file = raw_file(kHeader, kData);
  ASSERT_EQ(file.size(), 290u);
  const SafetensorsFile parsed = parse_safetensors_header(as_bytes(file), "m.safetensors");

  EXPECT_EQ(parsed.metadata, Json({{"format", "pt"}}));
  ASSERT_EQ(parsed.tensors.size(), 4u);
  EXPECT_EQ(parsed.tensors[0].spec(), (TensorSpec{"none", "I64", {0, 4}}));
  EXPECT_EQ(parsed.tensors[1].spec(), (TensorSpec{"a", "F32", {}}));
  EXPECT_EQ(parsed.tensors[2].spec(), (TensorSpec{"b", "BF16", {2, 3}}));
  EXPECT_EQ(parsed.tensors[3].spec(), (TensorSpec{"\xc3\xa4\"\n", "BOOL", {2}}));
  EXPECT_EQ(parsed.tensors[0].num_elements(), 0);
  EXPECT_EQ(parsed.tensors[0].num_bytes(), 0u);
  EXPECT_EQ(parsed.tensors[2].num_elements(), 6);
  EXPECT_EQ(file.substr(parsed.tensors[1].begin, parsed.tensors[1].num_bytes()), std::string("\0\0\xc0?", 4));
  EXPECT_EQ(parsed.tensors[3].end, file.size());
}

TEST(SafetensorsHeader, WritesTheSameHeaderAsTheReferenceImplementation) {
  const std::vector<TensorSpec> tensors = {
      {"none", "I64", {0, 4}}, {"a", "F32", {}}, {"b", "BF16", {2, 3}}, {"\xc3\xa4\"\n", "BOOL", {2}}};
  EXPECT_EQ(safetensors_header(tensors, {{"format", "pt"}}), raw_file(kHeader, ""));
}

TEST(SafetensorsHeader, LeavesOutEmptyMetadata) {
  EXPECT_EQ(safetensors_header({}, Json::object()), raw_file("{}      ", ""));
}

TEST(SafetensorsHeader, IsNotWrittenForTensorsThatCannotBeRead) {
  const auto complaint_about = [](const std::vector<TensorSpec>& tensors) {
    return error_of([&] { safetensors_header(tensors, {}); });
  };
  EXPECT_THAT(complaint_about({{"a", "F32", {1}}, {"a", "F32", {1}}}), HasSubstr("'a' is declared twice"));
  EXPECT_THAT(complaint_about({{"__metadata__", "F32", {1}}}), HasSubstr("cannot be called"));
  EXPECT_THAT(complaint_about({{"a", "F99", {1}}}), HasSubstr("tensor 'a': dtype 'F99'"));
  EXPECT_THAT(complaint_about({{"a", "F32", {-1}}}), HasSubstr("negative"));
  EXPECT_THAT(complaint_about({{"\xff", "F32", {1}}}), HasSubstr("not UTF-8"));
  EXPECT_THAT(error_of([] { safetensors_header({}, {{"version", 1}}); }), HasSubstr("'version' should be a string"));
}

// From here on the numbers are those of the list at the head of safetensors.h.
TEST(SafetensorsHeader, RefusesFilesShorterThanTheirLength) {  // 1
  EXPECT_THAT(complaint(""), HasSubstr("m.safetensors: is 0 bytes long"));
  EXPECT_THAT(complaint("\x02"), HasSubstr("too short"));
}

TEST(SafetensorsHeader, RecognisesAGitLfsPointer) {  // 1
  EXPECT_THAT(complaint("version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n"),
              HasSubstr("git lfs pull"));
}

TEST(SafetensorsHeader, RefusesAHeaderLongerThanTheFile) {  // 2
  EXPECT_THAT(complaint(raw_file("{}", "").substr(0, 9)), HasSubstr("should be 2 bytes long"));
  EXPECT_THAT(complaint(std::string(8, '\xff') + "{}"), HasSubstr("should be 18446744073709551615 bytes long"));
  EXPECT_THAT(complaint(std::string("\xf9\xff\xff\xff\xff\xff\xff\xff{}", 10)), HasSubstr("bytes long"));
}

TEST(SafetensorsHeader, RefusesAHeaderAboveTheLimitOfTheFormat) {  // 2
  EXPECT_THAT(complaint("{}" + std::string(100'000'000, ' '), 0), HasSubstr("at most 100000000"));
}

TEST(SafetensorsHeader, RefusesHeadersThatAreNoJsonObject) {  // 3
  EXPECT_THAT(complaint("", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(complaint(" {}", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(complaint("[]", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(complaint("\xef\xbb\xbf{}", 0), HasSubstr("does not begin with '{'"));
  EXPECT_THAT(complaint("{", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint("{} x", 0), HasSubstr("not valid JSON"));
  EXPECT_THAT(complaint(std::string_view("{}\0", 3), 0), HasSubstr("zero byte"));
  EXPECT_THAT(complaint("{\"\xff\":{}}", 0), HasSubstr("not valid JSON"));
}

TEST(SafetensorsHeader, RefusesHeadersThatNestTooDeep) {  // 3
  EXPECT_THAT(complaint(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4), HasSubstr("deeper"));
}

TEST(SafetensorsHeader, RefusesKeysThatAppearTwice) {  // 4
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                        R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                        2),
              HasSubstr("appears twice"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr("appears twice"));
}

TEST(SafetensorsHeader, TakesNullForNoMetadata) {  // as safetensors 0.8.0 does
  const std::string file =
      raw_file(R"({"__metadata__":null,"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x");
  const SafetensorsFile parsed = parse_safetensors_header(as_bytes(file), "m.safetensors");
  EXPECT_EQ(parsed.metadata, Json::object());
  EXPECT_EQ(parsed.tensors.size(), 1u);
}

TEST(SafetensorsHeader, RefusesNamesThatAreNotText) {
  EXPECT_THAT(complaint(R"({"a\u0000b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1),
              HasSubstr(R"("a\u0000b" holds a zero character)"));
  EXPECT_THAT(complaint("{\"a\xff\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1),
              HasSubstr("m.safetensors: the header of 54 bytes: not valid JSON"));
}

TEST(SafetensorsHeader, RefusesALengthThatReachesIntoTheData) {
  std::string file = raw_file(R"({"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}})", std::string(9, 'x'));
  ASSERT_EQ(file[0], 53);
  file[0] = 53 + 5;
  EXPECT_THAT(complaint(file), HasSubstr("m.safetensors: the header of 58 bytes: not valid JSON"));
}

TEST(SafetensorsHeader, RefusesMetadataThatIsNotTextByText) {  // 5
  EXPECT_THAT(complaint(R"({"__metadata__":[]})", 0), HasSubstr("should be an object"));
  EXPECT_THAT(complaint(R"({"__metadata__":{"format":1}})", 0), HasSubstr("'format' should be a string"));
  EXPECT_THAT(complaint(R"({"__metadata__":{"format":null}})", 0), HasSubstr("'format' should be a string"));
}

TEST(SafetensorsHeader, RefusesEntriesWithMissingOrOtherKeys) {  // 6
  EXPECT_THAT(complaint(R"({"a":3})", 0), HasSubstr("tensor 'a': should be an object"));
  EXPECT_THAT(complaint(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1), HasSubstr("'dtype' is missing"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1), HasSubstr("'shape' is missing"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","shape":[1]}})", 1), HasSubstr("'data_offsets' is missing"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1),
              HasSubstr("has keys other"));
}

TEST(SafetensorsHeader, RefusesUnknownDtypes) {  // 7
  EXPECT_THAT(complaint(R"({"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}})", 4), HasSubstr("'F31'"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4),
              HasSubstr("dtype should be a string"));
}

TEST(SafetensorsHeader, RefusesShapesThatAreNoCounts) {  // 8
  for (const char* const shape : {"[-1]", "[1.0]", "[1e0]", "[\"1\"]", "[true]", "[null]", "[18446744073709551615]",
                                  "[9223372036854775808]", "[99999999999999999999]"}) {
    EXPECT_THAT(complaint(concat(R"({"a":{"dtype":"U8","shape":)", shape, R"(,"data_offsets":[0,1]}})"), 1),
                HasSubstr("shape should hold integers"))
        << shape;
  }
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", 1), HasSubstr("list of integers"));
}

TEST(SafetensorsHeader, RefusesShapesWhoseProductOverflows) {  // 8
  // 2^32 * 2^32 = 2^64, which wraps to 0 bytes; [2^62] of 8 bytes wraps too.
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0),
              HasSubstr("more elements than fit"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":"F64","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0),
              HasSubstr("more bits than fit"));
}

TEST(SafetensorsHeader, RefusesOffsetsThatLieOutsideOrBackwards) {  // 9
  const auto with_offsets = [](const char* offsets, std::size_t data_bytes) {
    return complaint(concat(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)", offsets, "}}"), data_bytes);
  };
  EXPECT_THAT(with_offsets("[0,2]", 1), HasSubstr("ends at byte 2 of the data, but the file holds only 1"));
  EXPECT_THAT(with_offsets("[2,0]", 2), HasSubstr("run backwards"));
  EXPECT_THAT(with_offsets("[18446744073709551614,18446744073709551615]", 2), HasSubstr("ends at byte"));
  EXPECT_THAT(with_offsets("[18446744073709551615,1]", 2), HasSubstr("run backwards"));
  EXPECT_THAT(with_offsets("[-2,0]", 2), HasSubstr("data_offsets should hold integers"));
  EXPECT_THAT(with_offsets("[0,2.0]", 2), HasSubstr("data_offsets should hold integers"));
  EXPECT_THAT(with_offsets("[0]", 2), HasSubstr("two integers, found 1"));
  EXPECT_THAT(with_offsets("[0,2,2]", 2), HasSubstr("two integers, found 3"));
  EXPECT_THAT(with_offsets("{}", 2), HasSubstr("list of integers"));
}

TEST(SafetensorsHeader, RefusesLengthsThatContradictTheShape) {  // 10
  EXPECT_THAT(complaint(R"({"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,3]}})", 3), HasSubstr("need 4"));
  EXPECT_THAT(complaint(R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", 2), HasSubstr("whole number"));
}

TEST(SafetensorsHeader, RefusesOverlapsAndHoles) {  // 11
  const auto two = [](const char* first, const char* second, std::size_t data_bytes) {
    return complaint(concat(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":)", first,
                            R"(},"b":{"dtype":"U8","shape":[2],"data_offsets":)", second, "}}"),
                     data_bytes);
  };
  EXPECT_EQ(two("[0,2]", "[2,4]", 4), "");
  EXPECT_EQ(two("[2,4]", "[0,2]", 4), "");  // the order of the header is free
  EXPECT_THAT(two("[0,2]", "[1,3]", 3), HasSubstr("tensor 'b' overlaps tensor 'a'"));
  EXPECT_THAT(two("[0,2]", "[0,2]", 2), HasSubstr("tensor 'b' overlaps tensor 'a'"));
  EXPECT_THAT(two("[0,2]", "[3,5]", 5), HasSubstr("1 bytes between tensor 'a' and tensor 'b'"));
  EXPECT_THAT(two("[1,3]", "[3,5]", 5), HasSubstr("1 bytes between the header and tensor 'a'"));
  EXPECT_THAT(two("[0,2]", "[2,4]", 6), HasSubstr("2 bytes after tensor 'b' belong to no tensor"));
  EXPECT_THAT(complaint("{}", 1), HasSubstr("1 bytes after the header"));
}

TEST(SafetensorsHeader, RefusesATensorWithoutBytesInsideAnother) {  // 11
  EXPECT_THAT(complaint(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
                        R"("b":{"dtype":"U8","shape":[0],"data_offsets":[1,1]}})",
                        2),
              HasSubstr("'b' overlaps"));
}

}  // namespace
}  // namespace uncurl::checkpoint
