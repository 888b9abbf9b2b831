# What a program includes: the headers at the root of the source, and those that they include.
#
# In a build tree a program sees forwarding headers and nothing else of the source, so that neither
# its own tensor/tensor.h is taken for one of Fovea's nor the other way round:
#
#   build/include/fovea.h   build/include/fovea/fovea.h  and the root's others under fovea/
#
# install_headers.cmake makes the same layout, with the headers themselves.

# fovea_forward_header(file target): makes `file` include `target`; keeps it when it does already.
function(fovea_forward_header file target)
  set(text "#include \"${target}\"\n")
  if(EXISTS ${file})
    file(READ ${file} old)
  endif()
  if(NOT "${old}" STREQUAL "${text}")
    file(WRITE ${file} "${text}")
  endif()
endfunction()

# fovea_root_headers(result source): names of the headers at the root.
function(fovea_root_headers result source)
  file(GLOB headers RELATIVE ${source} ${source}/*.h ${source}/*.hpp)
  set(${result} ${headers} PARENT_SCOPE)
endfunction()

# fovea_public_headers(result source): their paths, and those of all that they include, relative to
# the source.
function(fovea_public_headers result source)
  fovea_root_headers(queue ${source})
  set(found)
  while(queue)
    list(POP_FRONT queue header)
    if(header IN_LIST found)
      continue()
    endif()
    list(APPEND found ${header})
    get_filename_component(folder ${source}/${header} DIRECTORY)
    file(STRINGS ${source}/${header} includes REGEX "^ *# *include +\"")
    foreach(line IN LISTS includes)
      string(REGEX REPLACE "^[^\"]*\"([^\"]*)\".*" "\\1" name "${line}")
      get_filename_component(path ${folder}/${name} ABSOLUTE)
      if(NOT EXISTS ${path})
        message(FATAL_ERROR "${header} includes ${name}, which is not there")
      endif()
      file(RELATIVE_PATH path ${source} ${path})
      list(APPEND queue ${path})
    endforeach()
  endwhile()
  set(${result} ${found} PARENT_SCOPE)
endfunction()
