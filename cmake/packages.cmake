# The packages that the library uses; optional ones degrade with a message.
#
#   FOVEA_LIBS         what the library links, as targets and plain names
#   FOVEA_PC_REQUIRES  the same for pkg-config: packages,
#   FOVEA_PC_LIBS      and flags
#   fovea_packages     an interface target with what its sources need to be compiled
set(FOVEA_LIBS)
set(FOVEA_PC_REQUIRES)
set(FOVEA_PC_LIBS)
add_library(fovea_packages INTERFACE)

find_package(Threads REQUIRED)
list(APPEND FOVEA_LIBS Threads::Threads)
list(APPEND FOVEA_PC_LIBS ${CMAKE_THREAD_LIBS_INIT})
target_link_libraries(fovea_packages INTERFACE Threads::Threads)
if(FOVEA_POOL AND CMAKE_USE_PTHREADS_INIT AND
   NOT (EMSCRIPTEN AND NOT CMAKE_C_FLAGS MATCHES "-pthread")) # there, but makes no thread
  target_compile_definitions(fovea_packages INTERFACE FV_HAVE_POOL)
else()
  set(FOVEA_POOL OFF)
endif()

if(FOVEA_BLIS) # before OpenMP, which its archive needs
  find_package(BLIS QUIET)
  if(BLIS_FOUND)
    get_filename_component(blis_dir ${BLIS_LIBRARY} DIRECTORY)
    list(APPEND FOVEA_LIBS BLIS::BLIS)
    list(APPEND FOVEA_PC_LIBS -L${blis_dir} -lblis)
    target_link_libraries(fovea_packages INTERFACE BLIS::BLIS)
    target_compile_definitions(fovea_packages INTERFACE FV_HAVE_BLIS)
  else()
    message(STATUS "BLIS not found: matrix products use Fovea's own kernels. Debian: libblis-openmp-dev")
  endif()
endif()

if(FOVEA_OPENMP)
  find_package(OpenMP COMPONENTS C)
  if(OpenMP_C_FOUND)
    # An installed archive names the run time that its objects need, whatever the compiler of the
    # program that links it would take.
    set(openmp_names ${OpenMP_C_LIB_NAMES})
    list(REMOVE_ITEM openmp_names pthread)
    list(APPEND FOVEA_LIBS $<BUILD_INTERFACE:OpenMP::OpenMP_C>)
    foreach(name ${openmp_names})
      set(openmp_library ${name})
      if(name STREQUAL "omp" AND OpenMP_omp_LIBRARY) # of LLVM, in a folder that no linker looks into
        set(openmp_library ${OpenMP_omp_LIBRARY})
        get_filename_component(openmp_dir ${OpenMP_omp_LIBRARY} DIRECTORY)
        list(APPEND FOVEA_PC_LIBS -L${openmp_dir})
      endif()
      list(APPEND FOVEA_LIBS $<INSTALL_INTERFACE:${openmp_library}>)
      list(APPEND FOVEA_PC_LIBS -l${name})
    endforeach()
    target_link_libraries(fovea_packages INTERFACE OpenMP::OpenMP_C)
    target_compile_definitions(fovea_packages INTERFACE FV_HAVE_OPENMP)
  else()
    message(STATUS "OpenMP not found: the pool is the only engine. Debian: gcc has it; clang needs libomp-dev")
  endif()
endif()

# fovea_use(NAME option pc sources without): a package found by that name, whose name in pkg-config is
# pc. FV_HAVE_<option> is defined for those sources, or for all where they are "all"; what is
# missing without the package is told.
function(fovea_use name option pc sources without)
  if(NOT FOVEA_${option})
    return()
  endif()
  find_package(${name} QUIET)
  if(NOT ${name}_FOUND)
    message(STATUS "${without}")
    return()
  endif()
  set(FOVEA_LIBS ${FOVEA_LIBS} ${name}::${name} PARENT_SCOPE)
  set(FOVEA_PC_REQUIRES ${FOVEA_PC_REQUIRES} ${pc} PARENT_SCOPE)
  set(${name}_FOUND ${${name}_FOUND} PARENT_SCOPE)
  target_link_libraries(fovea_packages INTERFACE ${name}::${name})
  if(sources STREQUAL "all")
    target_compile_definitions(fovea_packages INTERFACE FV_HAVE_${option})
  else()
    set_source_files_properties(${sources} PROPERTIES COMPILE_DEFINITIONS FV_HAVE_${option})
  endif()
endfunction()
fovea_use(ZLIB ZLIB zlib all "zlib not found: .gz files cannot be read. Debian: zlib1g-dev")
fovea_use(PNG PNG libpng data/image/png_read.c
          "libpng not found: PNG files are written, but cannot be read. Debian: libpng-dev")
fovea_use(JPEG JPEG libjpeg data/image/jpeg.c
          "libjpeg not found: no JPEG files. Debian: libjpeg62-turbo-dev")

if(FOVEA_MPI)
  find_package(MPI REQUIRED COMPONENTS C)
  list(APPEND FOVEA_LIBS MPI::MPI_C)
  foreach(library IN LISTS MPI_C_LIBRARIES)
    list(APPEND FOVEA_PC_LIBS ${library})
  endforeach()
  target_link_libraries(fovea_packages INTERFACE MPI::MPI_C)
  target_compile_definitions(fovea_packages INTERFACE FV_HAVE_MPI)
endif()

if(NOT WIN32) # there the mathematical functions are in the C library
  list(APPEND FOVEA_LIBS m)
  list(APPEND FOVEA_PC_LIBS -lm)
endif()
