# Installation: libraries, headers, fovea.pc and fovea-static.pc, and what find_package(fovea) reads.
# Everything is found relative to its own place, so the prefix may be moved.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/fovea)

# --- libraries: one set of targets a kind, as only the archive needs other packages ---------------
foreach(kind IN LISTS FOVEA_KINDS)
  install(TARGETS fovea_${kind} EXPORT fovea-${kind}-targets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(EXPORT fovea-${kind}-targets NAMESPACE fovea:: DESTINATION ${package_dir})
endforeach()

# --- headers --------------------------------------------------------------------------------------
install(CODE "set(FOVEA_SOURCE_DIR \"${PROJECT_SOURCE_DIR}\")
set(FOVEA_FORWARD_DIR \"${PROJECT_BINARY_DIR}/install\")
get_filename_component(FOVEA_INCLUDE_DIR \"${CMAKE_INSTALL_INCLUDEDIR}\" ABSOLUTE
                       BASE_DIR \"\${CMAKE_INSTALL_PREFIX}\")")
install(SCRIPT ${PROJECT_SOURCE_DIR}/cmake/install_headers.cmake)

# --- CMake ----------------------------------------------------------------------------------------
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/fovea-config.cmake.in
  ${PROJECT_BINARY_DIR}/fovea-config.cmake INSTALL_DESTINATION ${package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fovea-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/fovea-config.cmake
  ${PROJECT_BINARY_DIR}/fovea-config-version.cmake ${PROJECT_SOURCE_DIR}/cmake/FindBLIS.cmake
  DESTINATION ${package_dir})

# --- pkg-config -----------------------------------------------------------------------------------
# Places beside the file are given from it: ${pcfiledir}/../.. is the prefix.
set(pc_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR})
  set(PC_PREFIX ${CMAKE_INSTALL_PREFIX})
  set(PC_LIBDIR ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH up /${pc_dir} /)
  string(REGEX REPLACE "/$" "" up ${up})
  set(PC_PREFIX "\${pcfiledir}/${up}")
  set(PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(PC_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
else()
  set(PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
list(JOIN FOVEA_PC_REQUIRES ", " pc_requires)
list(JOIN FOVEA_PC_LIBS " " pc_libs)
string(STRIP "${pc_libs}" pc_libs)

# fovea_pc(name libs): a file from the template and what PC_DEPENDENCIES says of other packages.
function(fovea_pc name libs)
  set(PC_LIBS ${libs})
  configure_file(${PROJECT_SOURCE_DIR}/cmake/fovea.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc DESTINATION ${pc_dir})
endfunction()
set(PC_DEPENDENCIES "Requires.private: ${pc_requires}\nLibs.private: ${pc_libs}")
fovea_pc(fovea "-L\${libdir} -lfovea")
if(static IN_LIST FOVEA_KINDS) # -lfovea takes the shared library where both are
  set(PC_DEPENDENCIES "Requires: ${pc_requires}")
  fovea_pc(fovea-static "\${libdir}/libfovea.a ${FOVEA_STAY_FLAG} ${pc_libs}")
endif()

# --- removal --------------------------------------------------------------------------------------
if(FOVEA_TOP_LEVEL)
  add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -P ${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR})
endif()
