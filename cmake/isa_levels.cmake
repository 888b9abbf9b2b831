# Instruction-set levels, from the rows of isa_levels.h: ISA_LEVELS are the names of those that the
# target processor can have, ISA_<name> the compiler flags of one.
include(CheckCSourceCompiles)
set(levels_header ${PROJECT_SOURCE_DIR}/tensor/kernels/isa_levels.h)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${levels_header})
file(READ ${levels_header} levels_text)
set(level_row "FV_ISA_ON_([a-z0-9_]+)\\(row\\(a, b, ([a-z0-9_]+), ([0-9]+), ([0-9]+), ([0-9]+), \
([0-9]+), ([0-9]+),[^\"]*\"([^\"]*)\"")
string(REGEX MATCHALL "${level_row}" level_rows "${levels_text}")
set(ISA_LEVELS)
foreach(row ${level_rows})
  string(REGEX MATCH "${level_row}" row "${row}")
  set(arch ${CMAKE_MATCH_1})
  set(level ${CMAKE_MATCH_2})
  separate_arguments(flags UNIX_COMMAND "${CMAKE_MATCH_8}")
  set(flags -DFV_ISA=${level} -DFV_VBYTES=${CMAKE_MATCH_3} -DFV_REGISTERS=${CMAKE_MATCH_4}
      -DFV_MR=${CMAKE_MATCH_5} -DFV_NR=${CMAKE_MATCH_6} -DFV_KC=${CMAKE_MATCH_7} ${flags})
  if(NOT arch STREQUAL any)
    check_c_source_compiles("#ifndef __${arch}__
                             #error another architecture
                             #endif
                             int main(void) { return 0; }" FOVEA_ARCH_${arch})
    if(NOT FOVEA_ARCH_${arch})
      continue()
    endif()
  endif()
  list(APPEND ISA_LEVELS ${level})
  set(ISA_${level} ${flags})
endforeach()
message(STATUS "Instruction-set levels: ${ISA_LEVELS}")
