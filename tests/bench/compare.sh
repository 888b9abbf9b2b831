#!/usr/bin/env bash
# compare.sh [options] [network ...]: Fovea against PyTorch, both in turn in one run; README.md beside
# it says how, --help which options and networks there are. --build DIR uses another folder than build.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=build
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
  echo "compare.sh: PyTorch is missing; on Debian: apt-get install python3-torch python3-numpy" >&2
  exit 1
fi
[ -f "$build/CMakeCache.txt" ] || cmake -S . -B "$build" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$build" --target bench_network -j "$(nproc)" >/dev/null
exec "$python" tests/bench/compare.py --binary "$build/bench/network" "${options[@]}"
