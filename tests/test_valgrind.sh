#!/bin/sh
# Three training steps under valgrind: no wrong access, no use of unset memory, nothing lost.
set -u
root=$1
build=$2
[ "${SANITIZE:-OFF}" = OFF ] || exit 77
command -v valgrind >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

watch() {
  FOVEA_NUM_THREADS=1 OMP_NUM_THREADS=1 valgrind -q --error-exitcode=1 --leak-check=full \
    --errors-for-leak-kinds=definite,possible --suppressions="$root/tests/valgrind.supp" \
    "$1" >"$work/log" 2>&1
}

program=$build/tests/three_steps
watch "$program"
status=$?
if grep -q 'debuginfo reader' "$work/log" && strip -g -o "$work/three_steps" "$program"; then
  # Clang writes line numbers in a form that older versions of valgrind cannot read
  watch "$work/three_steps"
  status=$?
fi
cat "$work/log"
exit $status
