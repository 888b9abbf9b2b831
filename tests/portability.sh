#!/usr/bin/env bash
# Compiles the library for other processors, systems and C libraries, warnings being errors, with
# every compiler for them that is installed; and runs the core of the tests where they can run: by
# themselves, under qemu-user or in Node.
#
#   tests/portability.sh [--keep DIR] [TARGET...]
#
#   TARGET       arm aarch64 riscv64 s390x musl strict wasm32 windows (all of them otherwise);
#                strict is the compiler of the system with -std=c17
#   --keep DIR   builds there and leaves it behind
#
# Without the optional packages (BLIS, zlib, libpng, libjpeg), which are rarely there for another processor. Needs
# Debian's gcc-arm-linux-gnueabihf, gcc-aarch64-linux-gnu, gcc-riscv64-linux-gnu,
# gcc-s390x-linux-gnu, musl-tools, emscripten, gcc-mingw-w64-x86-64, qemu-user: what is missing is
# skipped. Ends with `N passed, N failed, N skipped`.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
keep=
# shellcheck source=tests/options.sh
. "$root/tests/options.sh"
read_options 'keep=' "$@"
targets=("${words[@]}")
[ ${#targets[@]} -gt 0 ] || targets=(strict musl aarch64 arm riscv64 s390x wasm32 windows)
work=$keep
if [ -n "$work" ]; then
  mkdir -p "$work"
else
  work=$(mktemp -d "${TMPDIR:-/tmp}/fovea-portability.XXXXXX")
  trap 'rm -rf "$work"' EXIT
fi
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
generator=()
command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
launcher=()
command -v ccache >/dev/null 2>&1 && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)

# What says most of a processor in least time: values against PyTorch's, random numbers, files.
tests=(test_tensor test_random test_print test_ops_golden test_autograd test_layers test_nn_state
  test_optim test_data_files test_safetensors test_durable)

passed=0
failed=0
skipped=0

# count NAME COMMAND...: shows the output of what fails, and says how it went
count() {
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name"
    tail -n 30 "$work/log"
    return 1
  fi
}

skip() {
  skipped=$((skipped + 1))
  echo "skipped $1"
}

# describe TARGET: sets compiler, options (of cmake) and runner; the runner is "no" when nothing here
# runs programs of the target.
describe() {
  local triple=
  options=() runner=()
  case $1 in
    strict) compiler=${CC:-cc} options=(-DCMAKE_C_EXTENSIONS=OFF) ;;
    musl) compiler=musl-gcc options=(-DFOVEA_OPENMP=OFF) ;;
    aarch64 | riscv64 | s390x) triple=$1-linux-gnu ;;
    arm) triple=arm-linux-gnueabihf ;;
    wasm32)
      compiler=emcc
      options=("-DCMAKE_TOOLCHAIN_FILE=${EMSCRIPTEN:-/usr/share/emscripten}/cmake/Modules/Platform/Emscripten.cmake")
      runner=(node)
      ;;
    windows)
      compiler=x86_64-w64-mingw32-gcc-posix
      options=(-DCMAKE_SYSTEM_NAME=Windows)
      runner=(wine)
      ;;
    *)
      echo "portability.sh: unknown target $1" >&2
      usage 2 >&2
      ;;
  esac
  if [ -n "$triple" ]; then
    compiler=$triple-gcc
    options=(-DCMAKE_SYSTEM_NAME=Linux "-DCMAKE_SYSTEM_PROCESSOR=$1")
    runner=("qemu-$1" -L "/usr/$triple")
  fi
  [ "$1" = wasm32 ] || options+=("-DCMAKE_C_COMPILER=$compiler")
}

configure() { # TARGET
  cmake -S "$root" -B "$work/$1" "${generator[@]}" "${launcher[@]}" "${options[@]}" \
    -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS_DEBUG=-O2 -DFOVEA_WERROR=ON -DFOVEA_OWN_CHECK=ON \
    -DFOVEA_BLIS=OFF -DFOVEA_ZLIB=OFF -DFOVEA_PNG=OFF -DFOVEA_JPEG=OFF -DFOVEA_EXAMPLES=OFF -DFOVEA_BENCH=OFF
}

compile() { # TARGET
  configure "$1" && cmake --build "$work/$1" --parallel "$jobs" --target fovea_static
}

compile_tests() { # TARGET
  cmake --build "$work/$1" --parallel "$jobs" --target "${tests[@]}"
}

run_test() { # TARGET TEST
  local program=$work/$1/tests/$2
  [ "$1" != wasm32 ] || program=$program.js
  cd "$work/$1" # under a limit of time: some mistakes hang
  FOVEA_TESTS_DIR=$root/tests timeout 300 "${runner[@]}" "$program"
}

for target in "${targets[@]}"; do
  describe "$target"
  if ! command -v "$compiler" >/dev/null 2>&1; then
    skip "$target: there is no $compiler"
    continue
  fi
  count "$target: compiles with $compiler" compile "$target" || continue
  if [ ${#runner[@]} -gt 0 ] && ! command -v "${runner[0]}" >/dev/null 2>&1; then
    skip "$target: nothing runs: there is no ${runner[0]}"
    continue
  fi
  count "$target: the tests compile" compile_tests "$target" || continue
  for test in "${tests[@]}"; do
    count "$target: $test" run_test "$target" "$test" || true
  done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
