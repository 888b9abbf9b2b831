#!/bin/sh
# Every public function is called by a case or by a C test: the functions that fovea.h declares and
# the library defines, against the undefined symbols of the objects of the cases and test programs.
# What only the helpers of the tests call, or test_nulls, which calls all, does not count.
set -u
source=$1
build=$2
command -v nm >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL

# What the preprocessor leaves of the headers: a name before a parenthesis is a declaration, or a
# call in an inline function; only declared functions are defined in the library.
echo '#include "fovea.h"' | ${CC:-cc} -E -P -I"$source" -x c - |
  grep -oE '\bfv_[A-Za-z0-9_]+ *\(' | tr -d ' (' | sort -u >"$work/declared"
nm -g --defined-only "$build"/libfovea.* 2>/dev/null |
  awk '$2 == "T" { print $3 }' | sort -u >"$work/defined"
comm -12 "$work/declared" "$work/defined" >"$work/public"

find "$build/tests" \( -path '*/test_cases.dir/*_cases.c.o' -o -path '*/test_*.dir/test_*.c.o' \) \
  ! -path '*/test_nulls.dir/*'  \
  -exec nm -u {} + | awk '$1 == "U" { print $2 }' | sort -u >"$work/called"
comm -23 "$work/public" "$work/called" >"$work/missing"

echo "$(wc -l <"$work/public") public functions"
if [ ! -s "$work/public" ] || [ ! -s "$work/called" ]; then
  echo "FAILED: nothing found to compare"
  exit 1
fi
[ -s "$work/missing" ] || exit 0
while read -r name; do
  echo "FAILED: no case and no test calls $name"
done <"$work/missing"
exit 1
