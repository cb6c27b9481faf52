# sentencepiece::sentencepiece: reads tokenizer.model files.
find_path(SENTENCEPIECE_INCLUDE sentencepiece_processor.h)
find_library(SENTENCEPIECE_LIBRARY sentencepiece)
if(SENTENCEPIECE_INCLUDE AND SENTENCEPIECE_LIBRARY)
  add_library(sentencepiece::sentencepiece UNKNOWN IMPORTED)
  set_target_properties(sentencepiece::sentencepiece PROPERTIES
    IMPORTED_LOCATION ${SENTENCEPIECE_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${SENTENCEPIECE_INCLUDE})
else()
  set(SPM_ENABLE_SHARED OFF)
  FetchContent_Declare(sentencepiece
    URL https://github.com/google/sentencepiece/archive/refs/tags/v0.2.0.tar.gz)
  FetchContent_MakeAvailable(sentencepiece)
  add_library(sentencepiece_with_headers INTERFACE)
  target_link_libraries(sentencepiece_with_headers INTERFACE sentencepiece-static)
  target_include_directories(sentencepiece_with_headers INTERFACE ${sentencepiece_SOURCE_DIR}/src)
  add_library(sentencepiece::sentencepiece ALIAS sentencepiece_with_headers)
endif()
