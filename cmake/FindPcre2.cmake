# PCRE2::8BIT: Debian ships a pkg-config file and no CMake package.
find_path(PCRE2_INCLUDE pcre2.h)
find_library(PCRE2_LIBRARY pcre2-8)
if(PCRE2_INCLUDE AND PCRE2_LIBRARY)
  add_library(PCRE2::8BIT UNKNOWN IMPORTED)
  set_target_properties(PCRE2::8BIT PROPERTIES
    IMPORTED_LOCATION ${PCRE2_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${PCRE2_INCLUDE})
else()
  set(PCRE2_SUPPORT_JIT ON)
  set(PCRE2_BUILD_PCRE2GREP OFF)
  set(PCRE2_BUILD_TESTS OFF)
  FetchContent_Declare(pcre2
    URL https://github.com/PCRE2Project/pcre2/releases/download/pcre2-10.44/pcre2-10.44.tar.gz)
  FetchContent_MakeAvailable(pcre2)
  add_library(pcre2_with_headers INTERFACE)
  target_link_libraries(pcre2_with_headers INTERFACE pcre2-8-static)
  target_include_directories(pcre2_with_headers INTERFACE ${pcre2_BINARY_DIR})
  add_library(PCRE2::8BIT ALIAS pcre2_with_headers)
endif()
