# Run by the installation: copies the public headers to FOVEA_INCLUDE_DIR/fovea, with a header beside
# that folder for each that begins with the library's name. Needs FOVEA_SOURCE_DIR,
# FOVEA_INCLUDE_DIR and FOVEA_FORWARD_DIR, a folder of the build.
cmake_minimum_required(VERSION 3.18)
include(${FOVEA_SOURCE_DIR}/cmake/headers.cmake)
fovea_public_headers(headers ${FOVEA_SOURCE_DIR})
foreach(header IN LISTS headers)
  get_filename_component(folder ${FOVEA_INCLUDE_DIR}/fovea/${header} DIRECTORY)
  file(INSTALL ${FOVEA_SOURCE_DIR}/${header} DESTINATION ${folder})
  if(header MATCHES "^fovea\\.")
    fovea_forward_header(${FOVEA_FORWARD_DIR}/${header} fovea/${header})
    file(INSTALL ${FOVEA_FORWARD_DIR}/${header} DESTINATION ${FOVEA_INCLUDE_DIR})
  endif()
endforeach()
