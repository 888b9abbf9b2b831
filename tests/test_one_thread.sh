#!/bin/sh
# An op at one thread makes no system call: a thousand more convolutions, norms, pools and products
# under strace make none more.
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
  few=$(calls 10) || {
    grep -qi 'ptrace\|permitted' "$work/out" && exit 77 # tracing is not allowed here
    cat "$work/out"
    exit 1
  }
  many=$(calls 1010)
  echo "$engine: system calls with 10 rounds: $few, with 1,010 rounds: $many"
  [ -n "$few" ] && [ "$few" -gt 0 ] && [ "$few" -eq "$many" ] || exit 1
done
