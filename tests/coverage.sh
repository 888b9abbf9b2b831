#!/usr/bin/env bash
# How much of the library the test suite runs through: builds with --coverage, runs the suite, and
# prints lines and branches by folder.
#
#   tests/coverage.sh [--build-dir DIR] [--missing FOLDER] [--tests PATTERN]
#
#   --build-dir   where to build (a temporary folder otherwise, which is removed)
#   --missing     also lists the lines and branches of that folder that nothing reached
#   --tests       only entries of ctest that match
#
# Files that are built once per instruction-set level count a line as reached when one level has
# reached it. Branches are those of conditions: of a macro's or an inlined function's copies the
# best one counts. Needs gcovr (Debian: gcovr) and GCC; says so and leaves with 77 without them.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=
missing=
tests=.

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "$0"
  exit "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --build-dir | --missing | --tests)
      [ $# -gt 1 ] || usage 2 >&2
      case $1 in
        --build-dir) build=$2 ;;
        --missing) missing=$2 ;;
        --tests) tests=$2 ;;
      esac
      shift
      ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
  esac
  shift
done

for tool in gcovr gcc cmake awk; do
  command -v $tool >/dev/null 2>&1 || {
    echo "coverage.sh: skipped: $tool is not installed (Debian: $tool)"
    exit 77
  }
done
if [ -z "$build" ]; then
  build=$(mktemp -d "${TMPDIR:-/tmp}/fovea-coverage.XXXXXX")
  trap 'rm -rf "$build"' EXIT
fi
mkdir -p "$build"

generator=()
command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)
cmake -S "$root" -B "$build" "${generator[@]}" -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_C_FLAGS="--coverage -O0 -fprofile-update=atomic -DNDEBUG" -DFOVEA_BENCH=OFF \
  -DFOVEA_EXAMPLES=OFF >"$build/configure.log"
cmake --build "$build" --parallel 2 >"$build/build.log" || {
  tail -n 30 "$build/build.log" >&2
  exit 1
}
find "$build" -name '*.gcda' -delete
suite=passed
(cd "$build" && ctest -j2 --output-on-failure -R "$tests" \
  -E '^test_(style|includes|headers|cplusplus|install|readme|examples|valgrind)$') \
  >"$build/test.log" || suite=failed

# A function that stands in other lines at another instruction-set level (by #if) is no reason for
# gcovr to stop.
export PYTHONOPTIMIZE=1
report() { # gcovr option...
  gcovr --root "$root" --add-tracefile "$build/coverage.json" "$@"
}
gcovr --root "$root" --object-directory "$build" --filter "$root/(tensor|autograd|nn|optim|data|train)/" \
  --exclude-unreachable-branches --json "$build/coverage.json" "$build" >"$build/gcovr.log" 2>&1 || {
  tail -n 20 "$build/gcovr.log" >&2
  exit 1
}
[ -z "$missing" ] || report --filter "$root/$missing" --txt
[ -z "$missing" ] || report --filter "$root/$missing" --txt --branches

# Columns of gcovr's table: file, lines, lines reached, percent, branches, branches reached.
report --csv | awk -F, '
  function add(folder) {
    if (!(folder in lines)) order[count++] = folder
    lines[folder] += $2; reached[folder] += $3; branches[folder] += $5; taken[folder] += $6
  }
  function percent(part, whole) { return whole ? 100 * part / whole : 100 }
  NR > 1 {
    folder = $1
    sub(/\/[^\/]*$/, "", folder)
    add(folder)
    if (folder ~ /^autograd\/ops\//) add("autograd/ops (all)")
    if (folder ~ /^tensor\/kernels\//) add("tensor/kernels (all)")
    add("in all")
  }
  END {
    printf "%-32s %15s %8s %15s %8s\n", "folder", "lines", "", "branches", ""
    for (i = 0; i < count; i++) rows[i] = order[i]
    for (i = 1; i < count; i++) { # by name, the total last
      row = rows[i]
      for (j = i; j > 0 && (rows[j - 1] == "in all" || (row != "in all" && rows[j - 1] > row)); j--)
        rows[j] = rows[j - 1]
      rows[j] = row
    }
    for (i = 0; i < count; i++) {
      f = rows[i]
      printf "%-32s %7d/%-7d %6.1f %% %7d/%-7d %6.1f %%\n", f, reached[f], lines[f],
             percent(reached[f], lines[f]), taken[f], branches[f], percent(taken[f], branches[f])
    }
  }'
[ $suite = passed ] || {
  sed -n '/The following tests FAILED/,$p' "$build/test.log" >&2
  echo "coverage.sh: the suite fails; $build/test.log says where" >&2
  exit 1
}
