#!/bin/sh
# The shared library exports what the public headers declare, and nothing else.
set -u
source=$1
build=$2
command -v nm >/dev/null 2>&1 || exit 77
[ "${SANITIZE:-OFF}" = OFF ] || exit 77
library=$build/libfovea.so
[ -f "$library" ] || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL
failed=0

# Words of the preprocessed headers, declarations of data among them.
echo '#include "fovea.h"' | ${CC:-cc} -E -P -I"$source" -x c - |
  grep -oE '\bfv_[A-Za-z0-9_]+' | sort -u >"$work/declared"
nm -D --defined-only "$library" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | sort -u >"$work/exported"
nm -g --defined-only "$build"/libfovea.a 2>/dev/null | awk '$2 ~ /[TDBR]/ { print $3 }' |
  sort -u | comm -12 - "$work/declared" >"$work/public"

complain() {
  [ -s "$2" ] || return 0
  echo "FAILED: $1:"
  cat "$2"
  failed=1
}
comm -23 "$work/exported" "$work/declared" >"$work/undeclared"
complain 'exported, but declared in no public header' "$work/undeclared"
comm -13 "$work/exported" "$work/public" >"$work/hidden"
complain 'declared in a public header, but not exported' "$work/hidden"
# The archive goes into a program with the hidden ones too.
nm -g --defined-only "$build"/libfovea.a 2>/dev/null | awk 'NF == 3 && $3 !~ /^fv_/' >"$work/bare"
complain 'symbols of the archive without the prefix fv_' "$work/bare"
echo "$(wc -l <"$work/exported") symbols, all with the prefix fv_"
[ "$(wc -l <"$work/exported")" -gt 300 ] || failed=1
exit $failed
