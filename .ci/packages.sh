# shellcheck shell=bash
# Packages that Fovea needs: finds out which are missing and installs those, by the system's own
# package manager (apt-get, dnf, pacman, brew). To be sourced:
#
#   . .ci/packages.sh
#   fovea_install build        what a build needs: compiler, CMake, Ninja, BLIS, zlib, libpng, libjpeg
#   fovea_install test         the same and what the tests need: Check, pkg-config
#   fovea_install wasm         what compiles to WebAssembly, and serves a page of it
#   fovea_install web          the same and what tests/web needs: Chromium, Node, npm
#   fovea_install mpi          what training on many machines needs (-DFOVEA_MPI=ON)
#   fovea_install fashion      the Fashion-MNIST images (Debian and its kin only)
#
# Nothing is asked of the network when nothing is missing. BLIS, zlib, libpng and libjpeg are wanted,
# not needed: if they cannot be had, a note says what the build will lack.

fovea_note() { printf 'fovea: %s\n' "$*" >&2; }

# Runs a command as root: directly, or through sudo.
fovea_as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    fovea_note "this needs root and there is no sudo: $*"
    return 1
  fi
}

# The package manager's name, or "none".
fovea_manager() {
  local m
  for m in apt-get dnf pacman brew; do
    if command -v "$m" >/dev/null 2>&1; then
      echo "$m"
      return
    fi
  done
  echo none
}

fovea_compiler() {
  local c
  for c in "${CC:-cc}" gcc clang; do
    if command -v "$c" >/dev/null 2>&1; then
      echo "$c"
      return
    fi
  done
  return 1
}

# Does the compiler find this header, also where BLIS and Homebrew keep theirs?
fovea_has_header() {
  local cc dir dirs=()
  cc=$(fovea_compiler) || return 1
  for dir in /usr/include/blis /usr/include/blis-openmp /usr/include/*/blis-openmp \
    /usr/include/*/blis-pthread /usr/local/include /usr/local/include/blis \
    /opt/homebrew/include /opt/homebrew/include/blis /usr/local/opt/*/include; do
    [ -d "$dir" ] && dirs+=("-I$dir")
  done
  printf '#include <%s>\n' "$1" | "$cc" "${dirs[@]}" -E -x c - >/dev/null 2>&1
}

# Is this part of the system there? Parts: compiler cmake ninja pkg-config openmp blis zlib png jpeg mpi
# check curl fashion emscripten python3 chromium node npm.
fovea_has() {
  case $1 in
    compiler) fovea_compiler >/dev/null && fovea_has_header stdio.h ;;
    cmake) command -v cmake >/dev/null 2>&1 ;;
    ninja) command -v ninja >/dev/null 2>&1 || command -v make >/dev/null 2>&1 ;;
    pkg-config) command -v pkg-config >/dev/null 2>&1 ;;
    openmp) [ "$(uname -s)" != Darwin ] || fovea_has_header omp.h || [ -d /opt/homebrew/opt/libomp ] ;;
    blis) fovea_has_header blis.h ;;
    zlib) fovea_has_header zlib.h ;;
    png) fovea_has_header png.h ;;
    jpeg) fovea_has_header jpeglib.h ;;
    mpi) command -v mpicc >/dev/null 2>&1 && command -v mpirun >/dev/null 2>&1 ;;
    check) fovea_has_header check.h ;;
    curl) command -v curl >/dev/null 2>&1 ;;
    emscripten) command -v emcc >/dev/null 2>&1 ;;
    chromium) command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 ;;
    python3 | node | npm) command -v "$1" >/dev/null 2>&1 ;;
    fashion) [ -f /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] ;;
    *) return 1 ;;
  esac
}

# The packages of a part, under a package manager; nothing when it has none.
fovea_packages_of() {
  case $1:$2 in
    apt-get:compiler) echo gcc libc6-dev ;;
    apt-get:cmake | dnf:cmake | pacman:cmake | brew:cmake) echo cmake ;;
    apt-get:ninja | dnf:ninja) echo ninja-build ;;
    apt-get:pkg-config) echo pkg-config ;;
    apt-get:blis) echo libblis-openmp-dev ;;
    apt-get:zlib) echo zlib1g-dev ;;
    apt-get:png) echo libpng-dev ;;
    apt-get:jpeg) echo libjpeg62-turbo-dev ;;
    apt-get:mpi) echo libopenmpi-dev openmpi-bin ;;
    dnf:mpi) echo openmpi-devel ;;
    pacman:mpi) echo openmpi ;;
    brew:mpi) echo open-mpi ;;
    apt-get:check | pacman:check | brew:check) echo check ;;
    apt-get:curl) echo curl ca-certificates ;;
    apt-get:fashion) echo dataset-fashion-mnist ;;
    *:emscripten) echo emscripten ;;
    apt-get:chromium | dnf:chromium | pacman:chromium) echo chromium ;;
    apt-get:node | dnf:node | pacman:node) echo nodejs ;;
    brew:node) echo node ;;
    apt-get:npm | dnf:npm | pacman:npm) echo npm ;;
    pacman:python3) echo python ;;
    *:python3) echo python3 ;;
    dnf:compiler | pacman:compiler) echo gcc ;;
    dnf:pkg-config) echo pkgconf-pkg-config ;;
    dnf:blis) echo blis-devel ;;
    dnf:zlib) echo zlib-devel ;;
    dnf:png) echo libpng-devel ;;
    dnf:jpeg) echo libjpeg-turbo-devel ;;
    dnf:check) echo check-devel ;;
    dnf:curl | pacman:curl | brew:curl) echo curl ;;
    pacman:ninja | brew:ninja) echo ninja ;;
    pacman:pkg-config | brew:pkg-config) echo pkgconf ;;
    pacman:zlib | brew:zlib) echo zlib ;;
    pacman:png | brew:png) echo libpng ;;
    pacman:jpeg) echo libjpeg-turbo ;;
    brew:jpeg) echo jpeg-turbo ;;
    brew:openmp) echo libomp ;;
    brew:blis) echo blis ;;
  esac
}

fovea_apt_updated=no
fovea_run_install() { # manager package...
  local manager=$1
  shift
  fovea_note "installing with $manager: $*"
  case $manager in
    apt-get)
      if [ $fovea_apt_updated = no ]; then
        fovea_as_root apt-get update -qq || fovea_note "apt-get update failed; trying with the old lists"
        fovea_apt_updated=yes
      fi
      fovea_as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$@" >/dev/null
      ;;
    dnf) fovea_as_root dnf install -y -q "$@" ;;
    pacman) fovea_as_root pacman -S --needed --noconfirm "$@" ;;
    brew) brew install "$@" ;;
  esac
}

# Installs what is missing of these parts in one go, and says so; false if something still is.
fovea_install_parts() {
  local manager part missing=() packages=() names
  manager=$(fovea_manager)
  for part in "$@"; do
    fovea_has "$part" || missing+=("$part")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  for part in "${missing[@]}"; do
    read -r -a names <<<"$(fovea_packages_of "$manager" "$part")"
    packages+=("${names[@]}")
  done
  if [ "$manager" = none ]; then
    fovea_note "no apt-get, dnf, pacman or brew here; please install by hand: ${missing[*]}"
  elif [ ${#packages[@]} -gt 0 ]; then
    fovea_run_install "$manager" "${packages[@]}" >&2 || fovea_note "the installation failed"
  fi
  for part in "${missing[@]}"; do
    fovea_has "$part" || return 1
  done
}

# What is not here, and how to come by it, in a sentence.
fovea_lack() {
  local what manager packages
  case $1 in
    compiler) what="no C compiler (gcc or clang) that finds stdio.h is here" ;;
    ninja) what="neither ninja nor make is here" ;;
    check) what="the library Check, which the tests need, is not here" ;;
    *) what="$1 is not here" ;;
  esac
  manager=$(fovea_manager)
  packages=$(fovea_packages_of "$manager" "$1")
  case $manager in
    none) ;;
    pacman) packages="pacman -S $packages" ;;
    *) packages="$manager install $packages" ;;
  esac
  fovea_note "$what${packages:+; this would install it: $packages}"
}

# False, after a sentence on each that is missing, unless all these parts are here. Installs nothing.
fovea_need() {
  local part complete=yes
  for part in "$@"; do
    fovea_has "$part" && continue
    fovea_lack "$part"
    complete=no
  done
  [ $complete = yes ]
}

# Parts that there is no going on without: installed if they can be.
fovea_require() {
  fovea_install_parts "$@" || fovea_need "$@"
}

# Optional libraries, together or else one by one: without them the build goes on, and this says
# what it lacks.
fovea_want_libraries() {
  local part
  fovea_install_parts blis zlib png jpeg openmp && return 0
  for part in blis zlib png jpeg openmp; do
    fovea_install_parts "$part" && continue
    case $part in
      blis) fovea_note "without BLIS, matrix products use Fovea's own kernels" ;;
      zlib) fovea_note "without zlib, .gz files cannot be read" ;;
      png) fovea_note "without libpng, PNG files cannot be read" ;;
      jpeg) fovea_note "without libjpeg, JPEG files can be neither read nor written" ;;
      openmp) fovea_note "without OpenMP, the library uses its own threads only" ;;
    esac
  done
  return 0
}

# fovea_install build|test|wasm|web|mpi|fashion|curl; false when something that is needed cannot be had.
fovea_install() {
  case ${1:-} in
    build) fovea_require compiler cmake ninja && fovea_want_libraries ;;
    test) fovea_install build && fovea_require pkg-config check ;;
    wasm) fovea_require emscripten python3 ;;
    web) fovea_require emscripten python3 chromium node npm ;;
    mpi) fovea_install_parts mpi ;;
    fashion) fovea_install_parts fashion ;;
    curl) fovea_install_parts curl ;;
    *)
      fovea_note "fovea_install: build, test, wasm, web, mpi, fashion or curl, not '${1:-}'"
      return 2
      ;;
  esac
}
