# Packages by CPack: an archive, and where Debian's tools are a package for Debian and its kin:
#
#   cmake --build build --target package
set(CPACK_PACKAGE_NAME libfovea-dev)
set(CPACK_PACKAGE_VENDOR Fovea)
set(CPACK_PACKAGE_CONTACT "The Fovea developers <fovea@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tensors, autograd and convolutional networks in C")
set(CPACK_PACKAGE_DESCRIPTION "Fovea trains and runs convolutional networks from C, with the names and \
semantics of PyTorch. This package has the shared and the static library, the headers, and the \
files for pkg-config and CMake.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF) # an archive without symbols links nowhere
set(CPACK_GENERATOR TGZ)

find_program(FOVEA_DPKG_SHLIBDEPS dpkg-shlibdeps)
mark_as_advanced(FOVEA_DPKG_SHLIBDEPS)
if(FOVEA_DPKG_SHLIBDEPS)
  list(APPEND CPACK_GENERATOR DEB)
  set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
  set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
  set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON) # what the shared library needs
  set(CPACK_DEBIAN_PACKAGE_DEPENDS libc6-dev)
  # What a program linked with the archive needs.
  set(suggests)
  if(BLIS_FOUND)
    list(APPEND suggests libblis-openmp-dev)
  endif()
  if(ZLIB_FOUND)
    list(APPEND suggests zlib1g-dev)
  endif()
  if(PNG_FOUND)
    list(APPEND suggests libpng-dev)
  endif()
  if(JPEG_FOUND)
    list(APPEND suggests libjpeg62-turbo-dev)
  endif()
  if(FOVEA_MPI)
    list(APPEND suggests libopenmpi-dev)
  endif()
  list(JOIN suggests ", " CPACK_DEBIAN_PACKAGE_SUGGESTS)
endif()
include(CPack)
