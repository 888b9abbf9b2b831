# Finds BLIS: BLIS_FOUND, BLIS_INCLUDE_DIR, BLIS_LIBRARY and the target BLIS::BLIS. Debian keeps each
# of its three builds (OpenMP, POSIX threads, serial) in a folder of its own.
find_path(BLIS_INCLUDE_DIR blis.h
  PATH_SUFFIXES ${CMAKE_LIBRARY_ARCHITECTURE}/blis-openmp blis-openmp blis blis-pthread blis-serial)
find_library(BLIS_LIBRARY blis PATH_SUFFIXES blis-openmp blis-pthread blis-serial)
mark_as_advanced(BLIS_INCLUDE_DIR BLIS_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(BLIS REQUIRED_VARS BLIS_LIBRARY BLIS_INCLUDE_DIR)
if(BLIS_FOUND AND NOT TARGET BLIS::BLIS)
  add_library(BLIS::BLIS UNKNOWN IMPORTED)
  set_target_properties(BLIS::BLIS PROPERTIES
    IMPORTED_LOCATION ${BLIS_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${BLIS_INCLUDE_DIR})
endif()
