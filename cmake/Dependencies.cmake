# Third-party libraries: the system's package first, a pinned release where it is absent.
include(FetchContent)
set(FETCHCONTENT_TRY_FIND_PACKAGE_MODE OPT_IN)
# These releases ask for old policies: CMake 4 refuses them unless told a minimum, and their option() and set(CACHE)
# would forget what is set here.
set(CMAKE_POLICY_VERSION_MINIMUM 3.5)
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW)
set(CMAKE_POLICY_DEFAULT_CMP0126 NEW)

FetchContent_Declare(nlohmann_json
  URL https://github.com/nlohmann/json/releases/download/v3.11.3/json.tar.xz
  FIND_PACKAGE_ARGS 3.10)
FetchContent_Declare(CLI11
  URL https://github.com/CLIUtils/CLI11/archive/refs/tags/v2.4.2.tar.gz
  FIND_PACKAGE_ARGS)
FetchContent_MakeAvailable(nlohmann_json CLI11)

if(UNCURL_TESTS)
  enable_testing()
  FetchContent_Declare(GTest
    URL https://github.com/google/googletest/archive/refs/tags/v1.14.0.tar.gz
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(GTest)
endif()
if(UNCURL_BENCH)
  set(BENCHMARK_ENABLE_TESTING OFF)
  FetchContent_Declare(benchmark
    URL https://github.com/google/benchmark/archive/refs/tags/v1.8.4.tar.gz
    FIND_PACKAGE_ARGS)
  FetchContent_MakeAvailable(benchmark)
endif()

include(FindPcre2)
include(FindSentencePiece)
include(FindUtf8proc)
include(FindXxhash)
include(TorchLibraries)
