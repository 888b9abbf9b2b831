#!/bin/sh
# Every C block of README.md that has a main function compiles as C17 without a warning.
set -u
root=$1
[ -f "$root/README.md" ] || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

awk -v dir="$work" '
  /^```c$/ { inside = 1; file = dir "/block" ++n ".c"; next }
  /^```/   { inside = 0; next }
  inside   { print > file }
' "$root/README.md"

count=0
for block in "$work"/*.c; do
  grep -q 'main(' "$block" 2>/dev/null || continue
  count=$((count + 1))
  "${CC:-cc}" -std=c17 -Wall -Wextra -Wpedantic -Werror -I"$root" -fsyntax-only "$block" || {
    echo "FAILED: block $(basename "$block" .c) of README.md"
    failed=1
  }
done
echo "$count programs in README.md"
exit $failed
