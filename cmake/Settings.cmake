# Language, warnings and sanitizers: the same for every target, so that one precompiled header serves all.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

option(UNCURL_WERROR "Treat warnings as errors" OFF)
option(UNCURL_SANITIZE "Build with the address and undefined-behaviour sanitizers" OFF)
option(UNCURL_TESTS "Build the tests" ON)
option(UNCURL_BENCH "Build the benchmarks" OFF)

# Designated initialisers name what differs from the defaults; GCC warns of the members left out.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-missing-field-initializers)
if(UNCURL_WERROR)
  add_compile_options(-Werror)
endif()
if(UNCURL_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
