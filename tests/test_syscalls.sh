#!/bin/sh
# With one thread no op makes a system call: once memory is warm, a hundred training steps more cost
# not one.
set -u
probe=$2/tests/thread_probe
[ "${SANITIZE:-OFF}" = OFF ] || exit 77
strace -o /dev/null true 2>/dev/null || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# calls STEPS: the number of system calls of so many steps
calls() {
  FOVEA_NUM_THREADS=1 strace -f -o "$work/$1" "$probe" steps "$1" || exit 1
  wc -l <"$work/$1"
}

failed=0
for engine in pool openmp; do
  export FOVEA_THREADS=$engine
  few=$(calls 10) || exit 1
  many=$(calls 110) || exit 1
  echo "$engine: $few system calls in 10 steps, $many in 110"
  if [ "$few" != "$many" ]; then
    failed=1
    sed 's/^[0-9]* *\([a-z0-9_]*\).*/\1/' "$work/110" | sort | uniq -c
  fi
done
exit $failed
