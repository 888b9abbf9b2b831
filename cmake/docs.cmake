# The reference, by Doxygen over the public headers as docs/doxygen.py hands them on:
#
#   cmake --build build --target docs       build/docs/html/index.html
find_program(FOVEA_DOXYGEN doxygen)
find_program(FOVEA_PYTHON python3)
mark_as_advanced(FOVEA_DOXYGEN FOVEA_PYTHON)
if(FOVEA_DOXYGEN AND FOVEA_PYTHON)
  set(FOVEA_DOCS_DIR ${PROJECT_BINARY_DIR}/docs)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/Doxyfile.in ${FOVEA_DOCS_DIR}/Doxyfile @ONLY)
  add_custom_target(docs
    COMMAND ${CMAKE_COMMAND} -E rm -rf ${FOVEA_DOCS_DIR}/source ${FOVEA_DOCS_DIR}/html
    COMMAND ${FOVEA_PYTHON} ${PROJECT_SOURCE_DIR}/docs/doxygen.py ${FOVEA_DOCS_DIR}/source
    COMMAND ${FOVEA_DOXYGEN} ${FOVEA_DOCS_DIR}/Doxyfile
    COMMAND ${CMAKE_COMMAND} -E echo "${FOVEA_DOCS_DIR}/html/index.html" VERBATIM)
else()
  message(STATUS "Doxygen or Python not found: no target docs. Debian: doxygen python3")
endif()
