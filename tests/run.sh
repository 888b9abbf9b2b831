#!/usr/bin/env bash
# Builds everything with warnings as errors and runs the whole test suite:
#
#   tests/run.sh [--clang] [--sanitize | --races] [--build-dir DIR]
#
#   --clang       with Clang in place of GCC
#   --sanitize    with AddressSanitizer and UndefinedBehaviorSanitizer, leaks included
#   --races       only the tests of threads and of the pool, with ThreadSanitizer (and without
#                 OpenMP and BLIS, whose own threads it cannot follow)
#   --build-dir   where to build (build-tests, with -clang, -sanitize, -races after the options)
#
# Installs what is missing, if it may. FOVEA_DATA may name a folder with the real data sets. The
# output ends with ctest's closing lines; the status is ctest's.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
compiler=gcc
suffix=
sanitize=OFF
options=()
targets=(all)
tests=.
build=

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "$0"
  exit "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --clang) compiler=clang suffix=-clang$suffix ;;
    --sanitize) sanitize=ON suffix=$suffix-sanitize ;;
    --races)
      options=(-DFOVEA_OPENMP=OFF -DFOVEA_BLIS=OFF "-DCMAKE_C_FLAGS=-fsanitize=thread -O1 -g")
      # the tests of convolutions are for tests/algorithms.sh --races
      targets=(test_allocator_threads test_conv_kernels test_conv_weights test_data_parallel
        test_distributed test_kept test_kept_threads test_parallel test_slices test_threads)
      tests='test_((allocator|kept)_threads|data_parallel|distributed|kept|parallel|slices|threads)($|\.)'
      suffix=$suffix-races
      ;;
    --build-dir)
      [ $# -gt 1 ] || usage 2
      build=$2
      shift
      ;;
    --build-dir=*) build=${1#*=} ;;
    -h | --help) usage 0 ;;
    *)
      echo "run.sh: unknown option $1" >&2
      usage 2 >&2
      ;;
  esac
  shift
done
build=${build:-$root/build-tests$suffix}

# shellcheck source=.ci/packages.sh
. "$root/.ci/packages.sh"
fovea_install test || {
  echo "run.sh: what is missing could not be installed: see above." >&2
  exit 1
}

# Clang needs its OpenMP run time and, for sanitizers, its compiler run time.
install_clang() {
  local packages=()
  command -v clang >/dev/null 2>&1 || packages+=(clang)
  if [ "$(fovea_manager)" = apt-get ]; then
    echo '#include <omp.h>' | clang -fopenmp -E -x c - >/dev/null 2>&1 || packages+=(libomp-dev)
    if [ $sanitize = ON ]; then
      echo 'int main(void) { return 0; }' |
        clang -fsanitize=address -x c - -o /dev/null >/dev/null 2>&1 ||
        packages+=(libclang-rt-14-dev)
    fi
  fi
  [ ${#packages[@]} -eq 0 ] || fovea_run_install "$(fovea_manager)" "${packages[@]}" >&2
}
if [ $compiler = clang ]; then
  install_clang
  command -v clang >/dev/null 2>&1 || {
    echo "run.sh: --clang needs clang, which is not here and could not be installed." >&2
    exit 1
  }
elif ! command -v gcc >/dev/null 2>&1; then
  compiler=$(fovea_compiler)
  echo "run.sh: there is no gcc here: $compiler compiles." >&2
fi

generator=()
command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)

cmake -S "$root" -B "$build" "${generator[@]}" -DCMAKE_C_COMPILER="$compiler" \
  -DCMAKE_BUILD_TYPE=Release -DFOVEA_WERROR=ON -DFOVEA_TESTS=ON -DFOVEA_EXAMPLES=ON \
  -DFOVEA_SANITIZE=$sanitize "${options[@]}"
cmake --build "$build" --parallel "$jobs" --target "${targets[@]}"
cd "$build"
exec ctest -j2 --output-on-failure -R "$tests"
