#!/bin/sh
# Runs that are stopped and go on: ten by SIGKILL (resume.sh does it any number of times), and the
# training example by SIGINT, SIGTERM and SIGKILL, with the weights of one that nobody stopped.
set -u
source=$1
build=$2
command -v bash >/dev/null 2>&1 || exit 77
program=$build/examples/train_mnist
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

bash "$source/tests/resume.sh" --build "$build" 10 || failed=1
[ -x "$program" ] || exit $failed

# 600 images of noise with labels from 0 to 9, for training and for testing.
mkdir "$work/mnist"
for part in train t10k; do
  images=$work/mnist/$part-images-idx3-ubyte labels=$work/mnist/$part-labels-idx1-ubyte
  printf '\000\000\010\003\000\000\002\130\000\000\000\034\000\000\000\034' >"$images"
  printf '\000\000\010\001\000\000\002\130' >"$labels"
  head -c $((600 * 28 * 28)) /dev/urandom >>"$images"
  head -c 600 /dev/zero | tr '\000' '\003' >>"$labels"
done

# run NAME ARGUMENTS...: a training whose files bear that name; $! is its job
run() {
  name=$1
  shift
  FOVEA_NUM_THREADS=1 "$program" --data "$work" --epochs 4 --batch-size 20 --augment \
    --save "$work/$name.weights" "$@" >"$work/$name.out" 2>"$work/$name.err" &
}

# expect WHAT CONDITION...: a failure when the condition does not hold
expect() {
  what=$1
  shift
  "$@" && return
  echo "FAILED: $what"
  cat "$work"/*.err
  failed=1
}

run whole
wait $! || failed=1

# ends SIGNAL STATUS EVERY: a run that the signal stops goes on and ends with the same weights
ends() {
  checkpoint=$work/$1.checkpoint
  run "$1" --checkpoint "$checkpoint" --checkpoint-every "$3"
  job=$!
  until [ -s "$checkpoint" ] || ! kill -0 $job 2>/dev/null; do sleep 0.01; done
  kill -s "$1" $job 2>/dev/null
  wait $job
  status=$?
  expect "$1: the run left with $status, not $2" [ $status -eq "$2" ]
  if [ "$1" != KILL ]; then
    expect "$1: no line says how to go on" \
      grep -q -- "--checkpoint $checkpoint --checkpoint-every $3 --resume" "$work/$1.err"
  fi
  run "$1" --checkpoint "$checkpoint" --checkpoint-every "$3" --resume
  wait $!
  expect "$1: the run did not go on" grep -q "going on from $checkpoint, step" "$work/$1.out"
  expect "$1: other weights" cmp -s "$work/$1.weights" "$work/whole.weights"
  expect "$1: another last line" [ "$(tail -n 1 "$work/$1.out")" = "$(tail -n 1 "$work/whole.out")" ]
}
ends INT 130 1
ends TERM 143 7
ends KILL 137 3

# refused ARGUMENTS...: a run that must not start, with a message that has $words
refused() {
  run refused "$@"
  wait $! && status=0 || status=$?
  expect "'$*' left with $status" [ "$status" -ne 0 ]
  expect "'$*' did not say: $words" grep -q -- "$words" "$work/refused.err"
  expect "'$*' trained" [ ! -e "$work/refused.weights" ]
}
words='is there already: --resume'
refused --checkpoint "$work/INT.checkpoint"
words='lr 0.004.*lr 0.5'
refused --checkpoint "$work/INT.checkpoint" --resume --lr 0.5
words=none/file
refused --checkpoint "$work/none/file"
words='need --checkpoint'
refused --resume

# a run that was through stays so
run INT --checkpoint "$work/INT.checkpoint" --resume
wait $! || failed=1
expect 'a finished run has another last line' \
  [ "$(tail -n 1 "$work/INT.out")" = "$(tail -n 1 "$work/whole.out")" ]
run fresh --checkpoint "$work/fresh.checkpoint" --resume --limit 40 --epochs 1
wait $! || failed=1
expect 'a run without a checkpoint did not start anew' grep -q 'starting anew' "$work/fresh.out"
exit $failed
