# Files that travel inside the program: uncurl_embedded_files() puts those of uncurl/report with the chart library
# (Vega-Lite) into the library uncurl_report, and the modelling files of uncurl/model/families into uncurl_model.
#
# -DUNCURL_CHARTS=<a Python that has vl-convert-python>, by default that of .venv, else python3. The package holds the
# chart library as JavaScript; it is needed for the build alone.
if(EXISTS ${CMAKE_SOURCE_DIR}/.venv/bin/python)
  set(default_python ${CMAKE_SOURCE_DIR}/.venv/bin/python)
else()
  set(default_python python3)
endif()
set(UNCURL_CHARTS ${default_python} CACHE STRING "A Python that has vl-convert-python, which holds the charts of reports")

# uncurl_embed(module FOLDER folder FILES name=file ... [OPTIONS ...] [DEPENDS ...]): the files of a folder, as
# functions that uncurl/<module>/assets.h declares.
function(uncurl_embed module)
  cmake_parse_arguments(EMBED "" "FOLDER" "FILES;OPTIONS;DEPENDS" ${ARGN})
  set(paths)
  set(arguments)
  foreach(entry ${EMBED_FILES})
    string(REGEX MATCH "^([^=]+)=(.+)$" matched ${entry})
    list(APPEND paths ${EMBED_FOLDER}/${CMAKE_MATCH_2})
    list(APPEND arguments ${CMAKE_MATCH_1}=${EMBED_FOLDER}/${CMAKE_MATCH_2})
  endforeach()
  set(source ${CMAKE_BINARY_DIR}/${module}_assets.cpp)
  add_custom_command(OUTPUT ${source}
    COMMAND ${UNCURL_CHARTS} ${CMAKE_SOURCE_DIR}/tools/embed ${EMBED_OPTIONS} uncurl/${module}/assets.h
      uncurl::${module}::assets ${source} ${arguments}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/embed ${paths} ${EMBED_DEPENDS}
    COMMENT "Embedding the files of uncurl/${module}" VERBATIM)
  target_sources(uncurl_${module} PRIVATE ${source})
endfunction()

function(uncurl_embedded_files)
  execute_process(COMMAND ${UNCURL_CHARTS} -c "import vl_convert" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    file(STRINGS ${CMAKE_SOURCE_DIR}/requirements-report.txt package REGEX "^[^#]")
    message(FATAL_ERROR "UNCURL_CHARTS=${UNCURL_CHARTS} cannot import vl_convert, which holds the charts of reports. "
      "Run ./run build, or: python3 -m pip install ${package}, and pass -DUNCURL_CHARTS=<that Python>.")
  endif()
  uncurl_embed(report FOLDER ${CMAKE_SOURCE_DIR}/uncurl/report OPTIONS --charts
    DEPENDS ${CMAKE_SOURCE_DIR}/requirements-report.txt
    FILES page_css=page.css page_js=page.js chart_config=chart_config.json notice=vega_notice.txt)
  uncurl_embed(model FOLDER ${CMAKE_SOURCE_DIR}/uncurl/model/families
    FILES configuration_smoe_gpt2=configuration_smoe_gpt2.py modeling_smoe_gpt2=modeling_smoe_gpt2.py)
endfunction()
