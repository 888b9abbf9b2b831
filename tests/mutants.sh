#!/usr/bin/env bash
# Plants mistakes in a copy of the source, one by one, and runs the tests on each: a mistake that
# no test notices shows a test that is missing.
#
#   tests/mutants.sh [--list | --check] [--keep DIR] [WORD...]
#
#   WORD         only mistakes whose name, or whose file in tests/mutants, contains one of the words
#   --list       names them and says which tests should notice; plants nothing
#   --check      says which texts the source no longer has, and which tests; plants nothing
#   --keep DIR   copies and builds there and leaves both behind (a folder of its own otherwise)
#
# The mistakes are data, tests/mutants/*.txt:
#
#   mutant: cosine past t_max          its name
#   file: optim/scheduler.c            where it is planted
#   tests: test_optim                  entries of ctest that should notice, tried first; patterns
#   - text of the file                 what is replaced: must occur once, or be a part of one line
#   + text in its place                several lines of each kind make a longer text
#
# The text of the first "-" line may begin, that of the last one may end in the middle of a line.
# If the tests named notice nothing, the whole suite runs (without the entries that read the source
# itself). A line tells for each mistake which test caught it, or that it SURVIVED; a text that is
# gone or occurs twice, and a mistake that does not compile, are failures too. Ends with
# "N passed, N failed"; passed means caught. Builds with ccache where it is installed.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
# Entries that look at source, headers or packaging, and examples: they notice no behaviour.
text_entries='^test_(style|includes|headers|cplusplus|install|readme|examples|valgrind)$'
list=no check=no keep=

# shellcheck source=tests/options.sh
. "$root/tests/options.sh"
read_options 'list check keep=' "$@"
mode=run
[ $check = no ] || mode=check
[ $list = no ] || mode=list

# --- reading ----------------------------------------------------------------------------------

names=() files=() tests=() finds=() replaces=()

wanted() { # name label
  local word
  [ ${#words[@]} -gt 0 ] || return 0
  for word in "${words[@]}"; do
    [[ $1 == *"$word"* || $2 == *"$word"* ]] && return 0
  done
  return 1
}

name='' file='' entries='' find='' replace=''
keep_mutant() { # label of the file
  if [ -n "$name" ] && wanted "$name" "$1"; then
    names+=("$name") files+=("$file") tests+=("$entries")
    finds+=("${find%$'\n'}") replaces+=("${replace%$'\n'}")
  fi
  name='' file='' entries='' find='' replace=''
}

read_mutants() { # path
  local line label
  label=$(basename "$1" .txt)
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      'mutant: '*)
        keep_mutant "$label"
        name=${line#mutant: }
        ;;
      'file: '*) file=${line#file: } ;;
      'tests: '*) entries=${line#tests: } ;;
      '- '* | -) find+=${line:2}$'\n' ;;
      '+ '* | +) replace+=${line:2}$'\n' ;;
      '' | '#'*) ;;
      *)
        echo "mutants.sh: $label.txt: what is this? $line" >&2
        exit 2
        ;;
    esac
  done <"$1"
  keep_mutant "$label"
}

for source in "$root"/tests/mutants/*.txt; do read_mutants "$source"; done
[ ${#names[@]} -gt 0 ] || {
  echo "mutants.sh: no mistake has such a name" >&2
  exit 2
}

# How often a text occurs in another.
occurrences() { # text part
  local text=$1 part=$2 count=0
  while [[ $text == *"$part"* ]]; do
    text=${text#*"$part"}
    count=$((count + 1))
  done
  echo $count
}

# Says why a mistake cannot be planted; false when it can.
is_stale() { # number folder
  local count entry
  [ -f "$2/${files[$1]}" ] || {
    echo "STALE: there is no ${files[$1]}"
    return
  }
  count=$(occurrences "$(cat "$2/${files[$1]}")" "${finds[$1]}")
  [ "$count" != 1 ] && echo "STALE: its text occurs $count times in ${files[$1]}" && return
  for entry in ${tests[$1]}; do
    entry=${entry%%.*}
    [ -f "$2/tests/$entry.c" ] || [ -f "$2/tests/$entry.sh" ] || {
      echo "STALE: there is no $entry"
      return
    }
  done
  return 1
}

passed=0 failed=0
for ((k = 0; k < ${#names[@]}; k++)); do
  case $mode in
    list) printf '%-60s %-45s %s\n' "${names[k]}" "${files[k]}" "${tests[k]}" ;;
    check)
      if outcome=$(is_stale "$k" "$root"); then
        printf '%-60s %s\n' "${names[k]}" "$outcome"
        failed=$((failed + 1))
      else
        passed=$((passed + 1))
      fi
      ;;
  esac
done
[ "$mode" = list ] && exit 0
if [ "$mode" = check ]; then
  echo "$passed passed, $failed failed"
  [ $failed -eq 0 ]
  exit
fi

# --- copying and building ---------------------------------------------------------------------

work=$keep
if [ -z "$work" ]; then
  work=$(mktemp -d "${TMPDIR:-/tmp}/fovea-mutants.XXXXXX")
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work/source"
work=$(cd "$work" && pwd)
copy=$work/source
build=$work/build

# Takes over what differs, so that a build that was kept goes on from where it was.
copy_source() {
  local path
  (cd "$root" && { git ls-files --cached --others --exclude-standard 2>/dev/null || find . -type f; }) |
    while IFS= read -r path; do
      [ -f "$root/$path" ] || continue
      cmp -s "$root/$path" "$copy/$path" && continue
      mkdir -p "$(dirname "$copy/$path")"
      cp "$root/$path" "$copy/$path"
    done
  (cd "$copy" && find . -type f) | while IFS= read -r path; do
    [ -f "$root/$path" ] || rm "$copy/$path"
  done
}

launcher=()
if command -v ccache >/dev/null 2>&1; then
  launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
  export CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
fi
generator=()
command -v ninja >/dev/null 2>&1 && generator=(-G Ninja)

make_targets() { # target...
  cmake --build "$build" --parallel 2 --target "$@" >"$work/build.log" 2>&1
}

copy_source
configure() {
  cmake -S "$copy" -B "$build" "${generator[@]}" "${launcher[@]}" -DFOVEA_WERROR=OFF \
    -DFOVEA_BENCH=OFF -DFOVEA_EXAMPLES=OFF -DFOVEA_TEST_TIMEOUT=150 >"$work/build.log" 2>&1
}
if ! configure || ! make_targets all; then
  tail -n 30 "$work/build.log" >&2
  echo "mutants.sh: the source does not build as it is" >&2
  exit 1
fi

# --- one mistake ------------------------------------------------------------------------------

# Runs entries of ctest; prints what failed: entry, and the test in it where Check tells.
run_entries() { # ctest option...
  local log=$work/test.log entry test
  (cd "$build" && ctest -j2 --output-on-failure --stop-on-failure "$@") \
    >"$log" 2>&1 && return 1
  entry=$(sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) .*\*\*\*\([A-Za-z ]*\).*/\1 (\2)/p' "$log" | head -n 1)
  test=$(sed -n 's/^[^ :]*:[0-9]*:[FE]:[^:]*:\([^:]*\):.*/\1/p' "$log" | head -n 1)
  entry=${entry/ (Failed*)/}
  entry=${entry/% )/)}
  [ -n "$entry" ] || {
    tail -n 5 "$log"
    return 0
  }
  echo "$entry${test:+: $test}"
}

# With the time of now, so that it is built again.
restore() { # path
  cp "$work/original" "$1"
  rm "$work/original"
}

# Prints the outcome; true when the mistake was caught.
try_mutant() { # number
  local target=$copy/${files[$1]} text entry caught targets=() pattern
  is_stale "$1" "$copy" && return 1
  cp "$target" "$work/original"
  text=$(cat "$target" && echo .)
  text=${text/"${finds[$1]}"/"${replaces[$1]}"}
  printf '%s' "${text%.}" >"$target"
  for entry in ${tests[$1]}; do
    entry=${entry%%.*}
    [ -f "$copy/tests/$entry.c" ] && targets+=("$entry")
  done
  make_targets "${targets[@]:-all}" || {
    echo "DOES NOT BUILD: $(grep -m 1 'error' "$work/build.log")"
    return 1
  }
  pattern="^(${tests[$1]// /|})([.].*)?$"
  caught=$(run_entries -R "$pattern") && {
    echo "caught by $caught"
    return 0
  }
  make_targets all || {
    echo "DOES NOT BUILD: $(grep -m 1 'error' "$work/build.log")"
    return 1
  }
  caught=$(run_entries -E "$text_entries") && {
    echo "caught by $caught (not by ${tests[$1]})"
    return 0
  }
  echo "SURVIVED"
  return 1
}

for ((k = 0; k < ${#names[@]}; k++)); do
  if outcome=$(try_mutant "$k"); then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  printf '%-60s %s\n' "${names[k]}" "$outcome"
  [ ! -f "$work/original" ] || restore "$copy/${files[k]}"
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
