#include "uncurl/eval/program_tests.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace uncurl::eval {
namespace {

TEST(Program, PassesWhereNothingFails) {
  EXPECT_TRUE(program_passes("def add(a, b):\n  return a + b\n\nassert add(1, 2) == 3\n"));
  EXPECT_FALSE(program_passes("def add(a, b):\n  return a * b\n\nassert add(1, 2) == 3\n"));
  EXPECT_FALSE(program_passes("def add(a, b:\n"));
}

TEST(Program, FailsWhenItEndsBeforeItsTests) {
  EXPECT_FALSE(program_passes("import sys\nsys.exit(0)\nassert False\n"));
  EXPECT_FALSE(program_passes("raise SystemExit\nassert False\n"));
  EXPECT_FALSE(program_passes("import os\nos._exit(0)\nassert False\n"));
  EXPECT_FALSE(program_passes("import sys\nsys.exit(127)\n"));
}

TEST(Program, IsKilledWhenItTakesTooLong) {
  EXPECT_FALSE(program_passes("import time\ntime.sleep(60)\n", {.seconds = 0.3}));
  EXPECT_FALSE(program_passes("while True: pass\n", {.seconds = 0.3}));
}

TEST(Program, HasLittleMemory) {
  EXPECT_FALSE(program_passes("x = bytearray(3 * 2**30)\n"));
  EXPECT_TRUE(program_passes("x = bytearray(2**20)\n"));
}

TEST(Program, WritesNoLargeFilesAndSeesNoEnvironment) {
  EXPECT_FALSE(program_passes("with open('x', 'wb') as f: f.write(bytes(2**22))\n"));
  EXPECT_TRUE(program_passes("import os\nassert 'HOME' not in os.environ\n"));
  EXPECT_TRUE(program_passes("import os\nassert os.listdir('.') == ['program.py']\n"));
}

}  // namespace
}  // namespace uncurl::eval
