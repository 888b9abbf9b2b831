#!/usr/bin/env bash
# Runs the tests with one algorithm of convolution after the other, wherever it suits:
#
#   tests/algorithms.sh [--build BUILD-DIR] [--races] [ALGORITHM...]
#
# ALGORITHM: gemm winograd product few merged depthwise (all of them). BUILD-DIR is a built one, of
# any kind: one with sanitizers (tests/run.sh --sanitize --build-dir BUILD-DIR), say. Tests of
# programs, documents and files, which take long and hardly meet a convolution, are left out. With
# --races only those run that share convolutions among threads, of which there are four: for a build
# of tests/run.sh --races. Ends with "N passed, N failed", which are algorithms.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=
races=

# shellcheck source=tests/options.sh
. "$root/tests/options.sh"
read_options 'build= races' "$@"
build=${build:-$root/build}
if [ ! -f "$build/CTestTestfile.cmake" ]; then
  echo "$build has no tests: build them first, as tests/run.sh does" >&2
  exit 1
fi
[ ${#words[@]} -gt 0 ] || words=(gemm winograd product few merged depthwise)

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0
failed=0
left_out='bench|course|docs|durable|examples|grid|hpp|image|includes|locale|pages|plot|resize|soak|style'
entries=(-E "$left_out")
if [ "$races" ]; then
  entries=(-R '^test_(conv_kernels|conv_weights|kept_threads|slices|threads)($|\.)')
  export FOVEA_NUM_THREADS=4
fi
for algorithm in "${words[@]}"; do
  if FOVEA_CONV_ALGORITHM=$algorithm ctest --test-dir "$build" -j "$(nproc)" "${entries[@]}" \
    --output-on-failure >"$log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    cat "$log"
  fi
  echo "$algorithm: $(grep -E 'tests? passed' "$log")"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
