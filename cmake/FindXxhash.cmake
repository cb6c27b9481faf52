# xxhash::xxhash: header-only use (XXH_INLINE_ALL) of XXH3 for content hashes.
find_path(XXHASH_INCLUDE xxhash.h)
if(NOT XXHASH_INCLUDE)
  FetchContent_Declare(xxhash
    URL https://github.com/Cyan4973/xxHash/archive/refs/tags/v0.8.2.tar.gz SOURCE_SUBDIR none)
  FetchContent_MakeAvailable(xxhash)
  set(XXHASH_INCLUDE ${xxhash_SOURCE_DIR})
endif()
add_library(xxhash::xxhash INTERFACE IMPORTED)
target_include_directories(xxhash::xxhash SYSTEM INTERFACE ${XXHASH_INCLUDE})
