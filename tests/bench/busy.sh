#!/usr/bin/env bash
# busy.sh [BUILD-DIR]: milliseconds of 40 training steps of a small network (two convolutions, batch
# 8, 16x16) on an idle machine and beside 1, 2 and 4 endless loops, five runs each: one thread, and
# two threads with each engine of the parallel loop, OpenMP also with OMP_WAIT_POLICY=passive. THREADS
# (2) and RUNS (5) may be set.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build}
if [ $# -eq 0 ]; then
  cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
  cmake --build build --target bench_busy -j "$(nproc)" >/dev/null
fi
loops=()
stop() {
  [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true
  loops=()
}
trap stop EXIT

echo "load before: $(cut -d ' ' -f 1-3 /proc/loadavg)"
for busy in 0 1 2 4; do
  for ((k = 0; k < busy; k++)); do
    (while :; do :; done) &
    loops+=($!)
  done
  printf 'busy %d  one thread %8s' "$busy" ''
  FOVEA_THREADS=pool "$build/bench/busy" 1 "${RUNS:-5}"
  for engine in pool openmp; do
    printf 'busy %d  %-6s %d threads %2s' "$busy" "$engine" "${THREADS:-2}" ''
    FOVEA_THREADS=$engine "$build/bench/busy" "${THREADS:-2}" "${RUNS:-5}"
  done
  printf 'busy %d  openmp %d threads %2s' "$busy" "${THREADS:-2}" ''
  OMP_WAIT_POLICY=passive FOVEA_THREADS=openmp "$build/bench/busy" "${THREADS:-2}" "${RUNS:-5}" |
    sed 's/$/  waiting passively/'
  stop
done
