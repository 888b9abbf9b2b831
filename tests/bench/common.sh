# Read by compare.sh and ops.sh: prepare TARGET ARGUMENTS... builds a program in the folder that
# --build names (build), and sets python, binary and options to what is left for the script.
# shellcheck shell=bash disable=SC2034
prepare() {
  local target=$1 build=build
  shift
  options=()
  while [ $# -gt 0 ]; do
    if [ "$1" = --build ] && [ $# -gt 1 ]; then
      build=$2
      shift
    else
      options+=("$1")
    fi
    shift
  done
  python=${PYTHON:-/usr/bin/python3}
  if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
    echo "PyTorch is missing; on Debian: apt-get install python3-torch python3-numpy" >&2
    exit 1
  fi
  [ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release >/dev/null
  cmake --build "$build" --target "bench_$target" -j "$(nproc)" >/dev/null
  binary=$build/bench/$target
}
