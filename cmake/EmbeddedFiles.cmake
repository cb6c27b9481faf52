# uncurl_report_assets(): puts the files of uncurl/report and the chart library (Vega-Lite) into the library uncurl_report.
#
# -DUNCURL_CHARTS=<a Python that has vl-convert-python>, by default that of .venv, else python3. The package holds the
# chart library as JavaScript; it is needed for the build alone.
if(EXISTS ${CMAKE_SOURCE_DIR}/.venv/bin/python)
  set(default_python ${CMAKE_SOURCE_DIR}/.venv/bin/python)
else()
  set(default_python python3)
endif()
set(UNCURL_CHARTS ${default_python} CACHE STRING "A Python that has vl-convert-python, which holds the charts of reports")

function(uncurl_report_assets)
  execute_process(COMMAND ${UNCURL_CHARTS} -c "import vl_convert" RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(failed)
    file(STRINGS ${CMAKE_SOURCE_DIR}/requirements-report.txt package REGEX "^[^#]")
    message(FATAL_ERROR "UNCURL_CHARTS=${UNCURL_CHARTS} cannot import vl_convert, which holds the charts of reports. "
      "Run ./run build, or: python3 -m pip install ${package}, and pass -DUNCURL_CHARTS=<that Python>.")
  endif()
  set(folder ${CMAKE_SOURCE_DIR}/uncurl/report)
  set(assets ${CMAKE_BINARY_DIR}/report_assets.cpp)
  add_custom_command(OUTPUT ${assets}
    COMMAND ${UNCURL_CHARTS} ${CMAKE_SOURCE_DIR}/tools/embed ${folder} ${assets}
    DEPENDS ${CMAKE_SOURCE_DIR}/tools/embed ${CMAKE_SOURCE_DIR}/requirements-report.txt
      ${folder}/page.css ${folder}/page.js ${folder}/chart_config.json ${folder}/vega_notice.txt
    COMMENT "Embedding the chart library" VERBATIM)
  target_sources(uncurl_report PRIVATE ${assets})
endfunction()
