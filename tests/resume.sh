#!/usr/bin/env bash
# Kills runs at random moments and has them go on:
#
#   tests/resume.sh [--build BUILD-DIR] [--seed S] [N]
#
# N (300) times a SIGKILL hits a training (tests/long_run.c) that saves checkpoints, at a moment
# between its start and the time that a whole run takes, saves included; then it is started again, and
# perhaps killed again. Adam and SGD with momentum take turns, as do a checkpoint after every step and
# one after every five, and one and three files that are kept. Each run must end with the weights, bit
# for bit, of one that nobody stopped, with checkpoints that have the same bits too, and leave no
# other files. A kill passes when the run that it hit does. Ends with "N passed, N failed". The
# moments depend on S, and on how busy the machine is.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=
seed=1

# shellcheck source=tests/options.sh
. "$root/tests/options.sh"
read_options 'build= seed=' "$@"
[ ${#words[@]} -lt 2 ] || usage 2 >&2
kills=${words[0]-300}
case $kills in *[!0-9]* | '') usage 2 >&2 ;; esac
need_build build long_run
program=$build/tests/long_run
RANDOM=$seed

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The four kinds of runs: optimizer, steps between checkpoints, files kept.
kinds=('sgd 1 1' 'adam 1 3' 'sgd 5 3' 'adam 5 1')

now() { # milliseconds
  local t=$EPOCHREALTIME
  echo $((${t/[.,]/} / 1000))
}

# Names and bits of all files of a folder.
bits() {
  (cd "$1" && find . -type f | sort | xargs sha256sum)
}

start() { # FOLDER KIND: in the background, as job $!
  local arguments
  read -ra arguments <<<"$2"
  FOVEA_NUM_THREADS=1 "$program" "$1/run.safetensors" "$1/weights.safetensors" \
    "${arguments[@]}" >>"$work/log" 2>&1 &
}

# What an uninterrupted run of each kind leaves, and how long it takes.
expected=() took=()
for k in "${!kinds[@]}"; do
  mkdir "$work/whole$k"
  begin=$(now)
  start "$work/whole$k" "${kinds[k]}"
  wait $! || {
    cat "$work/log"
    echo "FAILED: a run that nobody stopped"
    exit 1
  }
  took+=($(($(now) - begin)))
  expected+=("$(bits "$work/whole$k")")
done

# Kills the job at a random moment of LIMIT milliseconds; false when it has ended before.
kill_somewhen() { # JOB LIMIT
  local wait=$((RANDOM * $2 / 32768 + 1)) # bash's numbers end at 32767
  sleep "$(printf '%d.%03d' $((wait / 1000)) $((wait % 1000)))"
  kill -KILL "$1" 2>/dev/null || true
  local status=0
  wait "$1" 2>/dev/null || status=$?
  [ "$status" -eq 137 ] && return 0
  [ "$status" -eq 0 ] && return 1
  failure="left with status $status"
  return 1
}

passed=0 failed=0 done=0 in_save=0 turn=0
while [ "$done" -lt "$kills" ]; do
  k=$((turn++ % ${#kinds[@]}))
  folder=$work/run
  rm -rf "$folder"
  mkdir "$folder"
  : >"$work/log"
  hit=0 failure=
  for ((attempt = 0; attempt < 3 && done + hit < kills; attempt++)); do
    start "$folder" "${kinds[k]}"
    kill_somewhen $! "${took[k]}" || break
    hit=$((hit + 1))
    # a file that is not one of those that a whole run leaves is one that was being written
    (cd "$folder" && ls -A) | grep -qvxFf <(cd "$work/whole$k" && ls -A) && in_save=$((in_save + 1))
    [ $((RANDOM % 2)) -eq 0 ] && break
  done
  [ "$hit" -gt 0 ] || [ -n "$failure" ] || continue # it was through before the kill
  if [ -z "$failure" ]; then
    start "$folder" "${kinds[k]}"
    wait $! || failure="left with status $?"
  fi
  if [ -z "$failure" ] && [ "$(bits "$folder")" != "${expected[k]}" ]; then
    failure='left other files or other bits'
  fi
  [ "$hit" -gt 0 ] || hit=1
  done=$((done + hit))
  if [ -z "$failure" ]; then
    passed=$((passed + hit))
  else
    failed=$((failed + hit))
    echo "FAILED: run $turn (${kinds[k]}), killed $hit times, $failure:"
    sed 's/^/  /' "$work/log"
    diff <(echo "${expected[k]}") <(bits "$folder") || true
  fi
done
echo "$turn runs of ${took[*]} ms; $in_save kills in the midst of a save"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
