#!/usr/bin/env bash
# Training on many ranks, through MPI:
#
#   tests/parallel.sh [--build BUILD-DIR] [--times]
#
# 1, 2 and 4 ranks (tests/parallel_run.c) against one process with the batch of all in one: the
# losses of 50 steps to 1e-6, the ranks' weights to the bit. Then a rank is killed and another one
# stopped: each job must end by itself within 30 s, with a checkpoint from which the run goes on. --times also tells how much of the communication is hidden behind backward.
# Ends with "N passed, N failed"; leaves with 77 and a reason when there is no mpirun.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=
times=no

# shellcheck source=tests/options.sh
. "$root/tests/options.sh"
read_options 'build= times' "$@"
[ ${#words[@]} -eq 0 ] || usage 2 >&2
if ! command -v mpirun >/dev/null 2>&1; then
  echo 'parallel.sh: there is no mpirun here (Debian: openmpi-bin, libopenmpi-dev)'
  exit 77
fi
need_build build-mpi parallel_run -DFOVEA_MPI=ON
program=$build/tests/parallel_run

work=$(mktemp -d)
mkfifo "$work/never"
job=
cleanup() {
  [ -z "$job" ] || kill -KILL "$job" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
export FOVEA_NUM_THREADS=1
# As root, in a container and with more ranks than cores, as it comes in tests.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=none

passed=0 failed=0
check() { # WHAT CONDITION...
  local what=$1
  shift
  if "$@"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $what"
    sed 's/^/  /' "$work/out" "$work/err" 2>/dev/null || true
  fi
}

ranks() { # N [OPTION...] -- ARGUMENTS...: runs the program; output in $work/out and $work/err
  local n=$1 options=()
  shift
  while [ "$1" != -- ]; do
    options+=("$1")
    shift
  done
  shift
  mpirun -np "$n" "${options[@]}" "$program" "$@" >"$work/out" 2>"$work/err"
}

if OMPI_COMM_WORLD_SIZE=2 "$program" losses 1 2>&1 | grep -q 'built without MPI'; then
  echo 'parallel.sh: the library was built without MPI (Debian: libopenmpi-dev)'
  exit 77
fi

# --- the same as one process ----------------------------------------------------------------------
"$program" losses 50 | grep '^loss' >"$work/one"
same_losses() {
  grep '^loss' "$work/out" | paste -d ' ' - "$work/one" |
    awk '{ d = $2 - $4; if (d < 0) d = -d; if (d > worst) worst = d }
         END { printf "  largest difference of %d losses: %.1e\n", NR, worst
               exit NR != 50 || worst > 1e-6 }'
}
same_weights() { # N
  [ "$(grep -c '^weights' "$work/out")" -eq "$1" ] &&
    [ "$(grep '^weights' "$work/out" | sort -u | wc -l)" -eq 1 ]
}
for n in 1 2 4; do
  echo "$n ranks"
  check "$n ranks end well" ranks "$n" -- losses 50
  check "$n ranks have the losses of one process" same_losses
  check "$n ranks have the same weights" same_weights "$n"
done

# --- a rank goes ----------------------------------------------------------------------------------
# loses SIGNAL [OPTION...]: rank 2 of 4 gets the signal in the midst of a training
loses() {
  local signal=$1 pid start=$SECONDS
  shift
  run=$work/$signal.safetensors
  rm -f "$run"
  ranks 4 "$@" -- train "$run" 100000 &
  job=$!
  until [ "$(grep -c pid "$work/out" 2>/dev/null)" = 4 ] &&
    grep -q starts "$work/out" || [ $((SECONDS - start)) -gt 60 ]; do sleep 0.1; done
  sleep 1
  pid=$(awk '$1 == "rank" && $2 == 2 && $3 == "pid" { print $4 }' "$work/out")
  start=$SECONDS
  while kill -0 "$job" 2>/dev/null && [ $((SECONDS - start)) -lt 60 ]; do
    # Again and again, as somebody may have a stopped one go on; until mpirun is to end it.
    grep -q '^rank 0 saved' "$work/out" || kill -s "$signal" "$pid" 2>/dev/null || true
    read -rt 0.005 <>"$work/never" || true
  done
  took=$((SECONDS - start))
  kill -KILL "$job" 2>/dev/null || true
  wait "$job" && left=0 || left=$?
  job=
  survived=yes
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    case $(ps -o stat= -p "$pid" 2>/dev/null) in
      '' | Z*) survived=no && break ;; # dead, though nobody may have asked how it ended
    esac
    sleep 0.5
  done
  kill -KILL "$pid" 2>/dev/null || true
  saved=$(sed -n 's/^rank 0 saved step //p' "$work/out")
}
goes_on() {
  local at
  ranks 2 -- train "$run" 0 && at=$(sed -n 's/^starts at step //p' "$work/out") &&
    [ "$at" -gt 0 ] && [ "$at" = "${saved:-$at}" ] &&
    ranks 2 -- train "$run" $((at + 5)) &&
    grep -q "^starts at step $at$" "$work/out" &&
    grep -q "^rank 0 saved step $((at + 5))$" "$work/out"
}
ended() { # WHAT
  echo "$1: the job ended after $took s${saved:+, saved at step $saved}"
  check "$1: ended within 30 s" [ "$took" -le 30 ]
  check "$1: no rank is left behind" [ "$survived" = no ]
}
told() {
  [ "$(grep -cE 'rank 2 (has been silent|is gone)' "$work/err")" -ge 3 ]
}

loses STOP
ended 'a rank is stopped'
check 'a rank is stopped: left with an error' [ "$left" -ne 0 ]
check 'a rank is stopped: the ranks were told' told
check 'a rank is stopped: saved' [ -n "$saved" ]
check 'a rank is stopped: goes on' goes_on

# mpirun ends the job at once; there is what was saved last.
loses KILL
ended 'a rank is killed'
check 'a rank is killed: left with an error' [ "$left" -ne 0 ]
check 'a rank is killed: goes on' goes_on

# Told so, mpirun leaves it to the ranks.
loses KILL --enable-recovery
ended 'a rank is killed, others live'
check 'a rank is killed, others live: told' told
check 'a rank is killed, others live: saved' [ -n "$saved" ]
check 'a rank is killed, others live: goes on' goes_on

# --- times ----------------------------------------------------------------------------------------
if [ $times = yes ]; then
  for n in 1 2 4; do
    ranks "$n" -- overlap 100 && sed -n 's/^overlap/ /p' "$work/out"
  done
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
