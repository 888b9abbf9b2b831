#!/bin/sh
# Every FOVEA_* variable that the library reads: words count in upper and lower case, what is empty
# asks for nothing, and a value that means nothing is warned about once, with those that do.
set -u
source=$1
probe=$2/tests/thread_probe
failed=0
unset OMP_NUM_THREADS FOVEA_NUM_THREADS FOVEA_THREADS FOVEA_ISA FOVEA_GEMM FOVEA_ERRORS
unset FOVEA_CONV_PRECISION FOVEA_CONV_ALGORITHM FOVEA_CONV_BENCHMARK FOVEA_FUSION FOVEA_SLICES
unset FOVEA_KEPT_WEIGHTS

say() {
  echo "FAILED: $*"
  failed=1
}

default=$("$probe" settings | tail -n 1)

# means WORDS VARIABLE=VALUE: the settings end with that, and nothing is said
means() {
  found=$(env "$2" "$probe" settings 2>&1 | tail -n 1)
  case " $found " in
    *" $1 "*) ;;
    *) say "$2 gives '$found', not $1" ;;
  esac
  [ "$(env "$2" "$probe" settings 2>&1 | wc -l)" -eq 2 ] || say "$2 is warned about"
}

# means_nothing VARIABLE VALUE WORD: warned about once, naming WORD among what it takes
means_nothing() {
  found=$(env "$1=$2" "$probe" settings 2>&1)
  [ "$(echo "$found" | grep -c "^fovea: warning: $1=$2 means nothing; it takes .*$3")" -eq 1 ] ||
    say "$1=$2 says '$found'"
  [ "$(echo "$found" | tail -n 1)" = "$default" ] || say "$1=$2 changes the settings: $found"
}

level=$("$probe" settings | awk 'NR == 1 { print $3 }')
upper=$(echo "$level" | tr '[:lower:]' '[:upper:]')
means "$level" "FOVEA_ISA=$upper"
means "$level" FOVEA_ISA=
means_nothing FOVEA_ISA avx9 "$level"
means own FOVEA_GEMM=OWN
means_nothing FOVEA_GEMM mkl own
means exact FOVEA_CONV_PRECISION=Exact
means_nothing FOVEA_CONV_PRECISION best accurate
means winograd FOVEA_CONV_ALGORITHM=winograd
means_nothing FOVEA_CONV_ALGORITHM fft gemm
means timed FOVEA_CONV_BENCHMARK=1
means_nothing FOVEA_CONV_BENCHMARK often 1
means unfused FOVEA_FUSION=0
means fused FOVEA_FUSION=1
means_nothing FOVEA_FUSION no 'from 0 to 1'
means whole FOVEA_SLICES=0
means sliced FOVEA_SLICES=1
means_nothing FOVEA_SLICES no 'from 0 to 1'
means 5242880 FOVEA_KEPT_WEIGHTS=5
means 0 FOVEA_KEPT_WEIGHTS=0
for bad in -1 all 0.5; do
  means_nothing FOVEA_KEPT_WEIGHTS "$bad" "from 0 to"
done
if [ "$(echo "$default" | awk '{ print $2 }')" != none ]; then
  engine=$(echo "$default" | awk '{ print $2 }')
  means "$engine" "FOVEA_THREADS=$(echo "$engine" | tr '[:lower:]' '[:upper:]')"
  means_nothing FOVEA_THREADS none "$engine"
  means 3 FOVEA_NUM_THREADS=3
  for bad in 99999 0 two 2.5; do
    means_nothing FOVEA_NUM_THREADS "$bad" "from 1 to 4096"
  done
fi

# errors: an abort where one is asked for, once a warning where something else is
# shellcheck disable=SC3045 # no core file where the shell can say so
(
  ulimit -c 0 2>/dev/null
  FOVEA_ERRORS=Abort "$probe" error >/dev/null 2>&1
)
[ $? -eq 134 ] || say "FOVEA_ERRORS=Abort does not abort"
"$probe" error 2>/dev/null || say "an error without FOVEA_ERRORS ends the process"
found=$(FOVEA_ERRORS=stop "$probe" error 2>&1) || say "FOVEA_ERRORS=stop ends the process"
[ "$(echo "$found" | grep -c 'FOVEA_ERRORS=stop means nothing; it takes abort')" -eq 1 ] ||
  say "FOVEA_ERRORS=stop says '$found'"

# One file reads the environment; what others read is not the library's own to name.
others=$(cd "$source" && grep -rnE '\bgetenv *\(' --include='*.[ch]' tensor autograd nn optim data |
  grep -vE '^tensor/environment\.c:|"(OMP_NUM_THREADS|FOVEA_DATA|PMI_RANK)"')
[ -z "$others" ] || say "reads the environment by itself: $others"
exit $failed
