#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy over the library and the examples.
#
#   tests/tidy.sh [--build-dir DIR] [--fast] [FILE...]
#
#   FILE          only these sources (all of tensor, autograd, nn, optim, data, train, examples otherwise)
#   --fast        without the analyzer, which follows paths and takes nearly all of the time
#   --build-dir   a build whose compile_commands.json says how the sources are compiled (made in a
#                 temporary folder otherwise)
#
# Files that are built once per instruction-set level are read at the base level. Prints what is
# found, then how many files have findings; the status tells the same. Needs clang-tidy 14 (Debian:
# clang-tidy); says so and leaves with 77 without it.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=
checks=()
files=()

usage() {
  sed -n '2,13s/^# \{0,1\}//p' "$0"
  exit "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --build-dir)
      [ $# -gt 1 ] || usage 2 >&2
      build=$2
      shift
      ;;
    --fast) checks=(--checks=-clang-analyzer-*) ;;
    -h | --help) usage 0 ;;
    -*) usage 2 >&2 ;;
    *) files+=("$(realpath "$1")") ;;
  esac
  shift
done

case $(clang-tidy --version 2>/dev/null) in
  *"version 14."*) ;;
  *)
    echo "tidy.sh: skipped: clang-tidy 14 is not installed (Debian: clang-tidy)"
    exit 77
    ;;
esac
work=$(mktemp -d "${TMPDIR:-/tmp}/fovea-tidy.XXXXXX")
trap 'rm -rf "$work"' EXIT
if [ -z "$build" ]; then
  build=$work/build
  cmake -S "$root" -B "$build" >"$work/configure.log"
fi
[ -f "$build/compile_commands.json" ] || {
  echo "tidy.sh: there is no $build/compile_commands.json" >&2
  exit 2
}

# One entry a file, without the options that only GCC knows.
python3 - "$build/compile_commands.json" "$work/compile_commands.json" <<'END'
import json, re, sys
entries = [e for e in json.load(open(sys.argv[1])) if not re.search(r"-DFV_ISA=(?!base\b)", e["command"])]
for e in entries:
    e["command"] = re.sub(r" (-Wno-psabi|-Werror)(?= )", " ", e["command"])
json.dump(entries, open(sys.argv[2], "w"))
END

if [ ${#files[@]} -eq 0 ]; then
  mapfile -t files < <(find "$root"/{tensor,autograd,nn,optim,data,examples} -name '*.c' ! -name '*_windows.c' | sort)
fi
failed=0
for file in "${files[@]}"; do
  clang-tidy --quiet -p "$work" "${checks[@]}" "$file" 2>"$work/errors" && continue
  grep -v 'warnings\? \(generated\|treated\)' "$work/errors" >&2 || true
  failed=$((failed + 1))
done
echo "${#files[@]} files, $failed with findings"
[ $failed -eq 0 ]
