#!/usr/bin/env bash
# Builds users' programs outside of the tree and runs them: a C program whose own headers and
# functions have names of Fovea's, under strict warnings that are errors, and a C++ one; each with
# the static and the shared library, and by each way to come by them:
#
#   add_subdirectory   FetchContent   find_package   pkg-config   a bare compiler line
#
#   tests/consumers.sh [--build DIR] [--installed]
#
#   --build DIR   a build of Fovea to install from (one is made otherwise)
#   --installed   only the last three ways, which compile the library no more
#
# What is installed is moved to another folder first, and not edited. CC and CXX choose the
# compilers. Ends with `N passed, N failed`; what needs a tool that is missing is counted as skipped.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
here=$root/tests/consumers
build=
installed=no
# shellcheck source=tests/options.sh
. "$root/tests/options.sh"
read_options 'build= installed' "$@"
[ ${#words[@]} -eq 0 ] || usage 2 >&2
[ -z "$build" ] || build=$(cd "$build" && pwd)

export CC=${CC:-cc}
case $CC in *clang*) default_cxx=clang++ ;; *) default_cxx=g++ ;; esac
export CXX=${CXX:-$default_cxx}
work=$(cd "$(mktemp -d "${TMPDIR:-/tmp}/fovea-consumers.XXXXXX")" && pwd)
trap 'rm -rf "$work"' EXIT
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
generator=()
command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
launcher=()
if command -v ccache >/dev/null 2>&1; then # the same sources are compiled for every project
  export CCACHE_DIR=$work/ccache CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
strict_c=(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror)
strict_cxx=(-Wall -Wextra -Wpedantic -Wshadow -Werror)

# --- counting ----------------------------------------------------------------------------------
passed=0
failed=0
skipped=0

# check NAME COMMAND...: counts it; its output is shown when it fails
check() {
  local name=$1 status
  shift
  set +e # a subshell that stands in a condition would go on after a failure
  (
    set -e
    "$@"
  ) >"$work/log" 2>&1
  status=$?
  set -e
  if [ $status -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name"
    tail -n 40 "$work/log"
  fi
}

skip() {
  skipped=$((skipped + 1))
  echo "skipped $1"
}

# nothing: succeeds when there is nothing to read
nothing() {
  local line found=no
  while read -r line; do
    found=yes
    echo "should not be there: $line"
  done
  [ $found = no ]
}

have() { command -v "$1" >/dev/null 2>&1; }

# --- what is installed -----------------------------------------------------------------------------
configure() { # BUILD SOURCE OPTIONS...
  local dir=$1 source=$2
  shift 2
  cmake -S "$source" -B "$dir" "${generator[@]}" "${launcher[@]}" "$@"
}

# A user unpacks the source somewhere: what git knows of it, without build folders beside it.
copy_source() {
  mkdir "$work/source"
  cd "$root"
  git ls-files -z --cached --others --exclude-standard >"$work/files" 2>/dev/null ||
    find . -type f -print0 >"$work/files"
  tar -c --ignore-failed-read --null -T "$work/files" 2>/dev/null | tar -x -C "$work/source"
  cd "$OLDPWD"
}

install_it() {
  if [ -z "$build" ]; then
    build=$work/build
    configure "$build" "$work/source" -DFOVEA_TESTS=OFF -DFOVEA_EXAMPLES=OFF
    cmake --build "$build" --parallel "$jobs"
  fi
  cmake --install "$build" --prefix "$work/first"
  mkdir -p "$work/moved"
  mv "$work/first" "$work/moved/to"
}

# What is installed names neither the folder where it was built nor the first prefix, and no header
# that only the sources include.
nothing_left_behind() {
  { grep -rF -e "$build" -e "$root" -e "$work/source" -e "$work/first" \
    "$prefix/include" "$lib/cmake" "$lib/pkgconfig" || true; } | nothing
  find "$prefix" -name '*_impl.h' -o -name '*_cases.*' | nothing
  [ "$(find "$prefix" -type f | wc -l)" -gt 50 ]
}

# DESTDIR goes before the prefix; uninstall takes all of it away again, and leaves what is not ours.
destdir_and_uninstall() {
  DESTDIR=$work/root cmake --install "$build" --prefix /opt/net
  diff <(cd "$work/root/opt/net" && find . -type f | sort) <(cd "$prefix" && find . -type f | sort)
  touch "$work/root/opt/net/include/other.h"
  DESTDIR=$work/root cmake --build "$build" --target uninstall
  [ "$(find "$work/root" ! -type d)" = "$work/root/opt/net/include/other.h" ]
  [ ! -d "$work/root/opt/net/include/fovea" ]
}

soname() {
  [ "$(readelf -d "$lib/libfovea.so" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')" = libfovea.so.0 ]
  [ -f "$lib/libfovea.so.$version" ]
}

# --- programs ------------------------------------------------------------------------------------
# compile LANGUAGE OUTPUT FLAGS...
compile() {
  local language=$1 output=$2
  shift 2
  if [ "$language" = C ]; then
    "$CC" -std=c17 "${strict_c[@]}" -I"$here/own" "$here/program.c" "$@" -o "$output"
  else
    "$CXX" -std=c++20 "${strict_cxx[@]}" -I"$here/own" "$here/program.cpp" "$@" -o "$output"
  fi
}

runs_shared() { # KIND PROGRAM: runs, with the library that was asked for
  local uses=no
  readelf -d "$2" | grep -q 'NEEDED.*libfovea\.so\.0' && uses=yes
  [ "$1:$uses" = shared:yes ] || [ "$1:$uses" = static:no ]
  "$2"
}

by_pkg_config() { # LANGUAGE KIND
  local package=fovea flags=()
  [ "$2" = shared ] || package=fovea-static
  read -r -a flags <<<"$(pkg-config --cflags --libs $package)"
  [ "$2" = static ] || flags+=("-Wl,-rpath,$lib")
  compile "$1" "$work/program" "${flags[@]}"
  runs_shared "$2" "$work/program"
}

# The line that README has: the archive wants what it was built with.
by_compiler_line() { # LANGUAGE KIND
  local flags=(-I"$prefix/include")
  if [ "$2" = shared ]; then
    flags+=(-L"$lib" -lfovea "-Wl,-rpath,$lib")
  else
    read -r -a libs <<<"$(needed_by_archive)"
    flags+=("$lib/libfovea.a" "${libs[@]}")
  fi
  compile "$1" "$work/program" "${flags[@]}"
  runs_shared "$2" "$work/program"
}

needed_by_archive() {
  sed -n -e 's/^Libs.private: //p' -e 's/^Requires.private: //p' "$lib/pkgconfig/fovea.pc" |
    sed 's/zlib/-lz/; s/libpng/-lpng/; s/libjpeg/-ljpeg/; s/,//g' | tr '\n' ' '
}

# A program that needs no library at run time. Names are looked up in the archive of libc alone.
fully_static() {
  local flags=()
  read -r -a flags <<<"$(pkg-config --static --cflags --libs fovea)"
  compile C "$work/program" -static "${flags[@]}"
  readelf -d "$work/program" | sed -n '/NEEDED/p' | nothing
  "$work/program"
}

by_cmake() { # WAY LANGUAGE KIND
  local dir=$work/$1-$2-$3 strict
  if [ "$2" = C ]; then strict=$(IFS=';' && echo "${strict_c[*]}"); else strict=$(IFS=';' && echo "${strict_cxx[*]}"); fi
  configure "$dir" "$here" -DWAY="$1" -DLANGUAGE="$2" -DKIND="$3" "-DSTRICT=$strict" \
    -DFOVEA="$work/source" -DCMAKE_PREFIX_PATH="$prefix"
  cmake --build "$dir" --parallel "$jobs"
  runs_shared "$3" "$dir/program"
  [ "$1" = find_package ] || project_is_left_alone "$dir"
  [ "$2" = CXX ] || "$dir/host" "$dir/plugin.so"
}

# Tests, programs, rules of installation, build type and flags of Fovea are not the user's.
project_is_left_alone() { # DIR
  [ -z "$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$1/CMakeCache.txt")" ]
  (cd "$1" && ctest -N | grep -q '^Total Tests: 0')
  cmake --install "$1" --prefix "$1/installed"
  [ "$(cd "$1/installed" && find . -type f)" = ./bin/program ]
  find "$1" -name '*-src' -prune -o \( -name 'test_*' -o -name first_program -o -name overhead \) -print |
    nothing
  grep '"command".*program\.c' "$1/compile_commands.json" >"$work/command"
  sed -nE '/-O3|-fno-|-ffp|-fvisibility|_POSIX|FV_|-fopenmp|-Wdouble|-I[^ ]*\/source/p' \
    "$work/command" | nothing
}

debian_package() {
  (cd "$build" && cpack -G DEB -B "$work/deb")
  local deb
  deb=$(find "$work/deb" -maxdepth 1 -name 'libfovea-dev_*.deb')
  dpkg-deb -c "$deb" >"$work/contents"
  for name in libfovea.a libfovea.so.0 fovea.h fovea/fovea.h fovea.pc fovea-config.cmake; do
    grep -q "usr/.*/$name" "$work/contents"
  done
  [ "$(dpkg-deb -f "$deb" Version)" = "$version" ]
  dpkg-deb -f "$deb" Depends | grep -q libc6
  mkdir -p "$work/chroot/var/lib/dpkg/info" "$work/chroot/var/lib/dpkg/updates"
  : >"$work/chroot/var/lib/dpkg/status"
  dpkg --root="$work/chroot" --force-depends --force-script-chrootless --log=/dev/null -i "$deb"
  compile C "$work/program" -I"$work/chroot/usr/include" -L"$work/chroot/usr/lib" -lfovea \
    -Wl,-rpath,"$work/chroot/usr/lib"
  "$work/program"
}

# --- all ---------------------------------------------------------------------------------------
copy_source
if ! install_it >"$work/log" 2>&1; then
  tail -n 40 "$work/log"
  echo "0 passed, 1 failed"
  exit 1
fi
prefix=$work/moved/to
lib=$(dirname "$(dirname "$(find "$prefix" -name fovea.pc)")")
version=$(sed -n 's/^Version: //p' "$lib/pkgconfig/fovea.pc")
export PKG_CONFIG_PATH=$lib/pkgconfig

check 'what is installed stands alone' nothing_left_behind
check 'soname and version' soname
languages=(C)
if have "$CXX"; then languages+=(CXX); else skip "C++: there is no $CXX"; fi
for language in "${languages[@]}"; do
  for kind in static shared; do
    check "$language, $kind: compiler line" by_compiler_line "$language" $kind
    if have pkg-config; then
      check "$language, $kind: pkg-config" by_pkg_config "$language" $kind
    else
      skip "$language, $kind: pkg-config: not installed"
    fi
    check "$language, $kind: find_package" by_cmake find_package "$language" $kind
    [ $installed = no ] || continue
    check "$language, $kind: add_subdirectory" by_cmake add_subdirectory "$language" $kind
    check "$language, $kind: FetchContent" by_cmake FetchContent "$language" $kind
  done
done
if have pkg-config; then
  if grep -q -e -lomp "$lib/pkgconfig/fovea.pc"; then
    skip "C: no shared library at all: LLVM's OpenMP is none but shared"
  else
    check 'C: no shared library at all' fully_static
  fi
fi
check 'DESTDIR, uninstall' destdir_and_uninstall
if have dpkg-shlibdeps && [ $installed = no ]; then check 'Debian package' debian_package; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
