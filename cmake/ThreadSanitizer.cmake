# uncurl_threaded(name...): modules whose code runs on several threads; ./run tsan runs their test programs. With
# UNCURL_SANITIZE_THREADS they are the target `threaded_tests` and the tests labelled `threaded`.
#
# The sanitizer sees what is compiled with it: ours, and not libtorch, oneDNN or the standard library's shared object. What
# these do to memory is left out (ignore_noninstrumented_modules). That threads of a team wait for each other is told by
# libarcher, which Clang's OpenMP runtime loads; that runtime serves libtorch too, in place of the libgomp beside it.
function(uncurl_threaded)
  if(NOT UNCURL_TESTS OR NOT UNCURL_SANITIZE_THREADS)
    return()
  endif()
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "UNCURL_SANITIZE_THREADS needs Clang and its OpenMP runtime, found ${CMAKE_CXX_COMPILER_ID}: "
      "./run tsan, or cmake --preset tsan.")
  endif()
  set(environment TSAN_OPTIONS=ignore_noninstrumented_modules=1 OMP_NUM_THREADS=4 OMP_WAIT_POLICY=passive)
  add_custom_target(threaded_tests)
  foreach(name ${ARGN})
    add_dependencies(threaded_tests ${name}_test)
    set_tests_properties(${name} PROPERTIES LABELS threaded ENVIRONMENT "${environment}")
  endforeach()

  # That it still finds what it should: threads of a team without a lock.
  add_executable(planted_race ${CMAKE_SOURCE_DIR}/tests/support/planted_race.cpp)
  target_link_libraries(planted_race PRIVATE uncurl_kernels)
  uncurl_use_torch(planted_race)
  add_dependencies(threaded_tests planted_race)
  add_test(NAME planted_race COMMAND planted_race)
  set_tests_properties(planted_race PROPERTIES LABELS threaded ENVIRONMENT "${environment}"
    PASS_REGULAR_EXPRESSION "WARNING: ThreadSanitizer: data race")
endfunction()
