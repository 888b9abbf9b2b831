#!/bin/sh
# An op at one thread makes no system call: a thousand more convolutions, norms, pools and products
# under strace make none more, once as many handles have died as wait before they are used again.
set -u
build=$2
[ "${SANITIZE:-OFF}" = OFF ] || exit 77
command -v strace >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

calls() {
  FOVEA_NUM_THREADS=1 strace -f -c -o "$work/trace" "$build/tests/one_thread" "$1" >"$work/out" 2>&1 ||
    return 1
  awk '$NF == "total" { print $4 ~ /^[0-9]+$/ ? $4 : $3 }' "$work/trace"
}
for engine in pool openmp; do
  export FOVEA_THREADS=$engine
  few=$(calls 1000) || {
    grep -qi 'ptrace\|permitted' "$work/out" && exit 77 # tracing is not allowed here
    cat "$work/out"
    exit 1
  }
  many=$(calls 2000)
  echo "$engine: system calls with 1,000 rounds: $few, with 2,000 rounds: $many"
  [ -n "$few" ] && [ "$few" -gt 0 ] && [ "$few" -eq "$many" ] || exit 1
done
