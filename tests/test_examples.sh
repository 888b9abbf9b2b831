#!/bin/sh
# Every example runs: the training programs on a few images, of the real data sets when FOVEA_DATA
# names them and of made-up ones otherwise. first_program and first_program_cpp train on all of CIFAR-10 for minutes, so
# it is only built.
set -u
build=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# grow FILE BYTES: zeros up to that size, without writing them
grow() {
  dd if=/dev/zero of="$1" bs=1 count=0 seek="$2" 2>/dev/null
}

# Black images in the official formats: 10,000 a file for CIFAR-10, 256 for MNIST.
make_images() {
  cifar=$1/cifar-10-batches-bin
  mnist=$1/mnist
  mkdir -p "$cifar" "$mnist"
  for file in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    grow "$cifar/$file.bin" 30730000
  done
  for part in train t10k; do
    printf '\000\000\010\003\000\000\001\000\000\000\000\034\000\000\000\034' \
      >"$mnist/$part-images-idx3-ubyte"
    printf '\000\000\010\001\000\000\001\000' >"$mnist/$part-labels-idx1-ubyte"
    grow "$mnist/$part-images-idx3-ubyte" $((16 + 256 * 28 * 28))
    grow "$mnist/$part-labels-idx1-ubyte" $((8 + 256))
  done
}

# try NAME ARGUMENTS...: an example that must succeed
try() {
  name=$1
  shift
  [ -x "$build/examples/$name" ] || return
  echo "--- $name $*"
  (cd "$work" && "$build/examples/$name" "$@" </dev/null) || {
    echo "FAILED: $name $* left with $?"
    failed=1
  }
}

data=${FOVEA_DATA:-}
if [ -z "$data" ]; then
  data=$work/data
  make_images "$data"
fi

known='first_program first_program_cpp gradcheck_layer train_cifar10 train_mnist'
for program in "$build"/examples/*; do
  [ -f "$program" ] || continue
  name=$(basename "$program")
  case " $known " in
    *" $name "*) ;;
    *) try "$name" ;;
  esac
done
try gradcheck_layer
"$build/examples/network_plan" 128 >"$work/plan" || failed=1
if ! grep -q '^6.1.body.3 (Conv2d) *conv2d *\[128,512,4,4\] *implicit gemm' "$work/plan" ||
  ! grep -q 'a training step at batch 128 takes' "$work/plan"; then
  echo "FAILED: network_plan said:"
  cat "$work/plan"
  failed=1
fi
try train_mnist --data "$data" --limit 200 --epochs 1
for model in small lenet resnet20; do
  try train_cifar10 --data "$data" --limit 96 --epochs 1 --model $model --save "$work/$model.safetensors"
done

# what cannot be saved to is told before the training; stdout is a pipe here
mkdir -p "$work/folder"
mkfifo "$work/fifo"
: >"$work/plain"
for target in /dev/stdout /dev/null "$work/folder" "$work/fifo" "$work/plain/net" "$work/none/net"; do
  for program in 'train_mnist' 'train_cifar10 --model lenet'; do
    # shellcheck disable=SC2086 # the words of the command
    "$build/examples/"$program --data "$data" --limit 96 --epochs 1 --save "$target" \
      2>"$work/message" </dev/null | cat >"$work/output"
    if grep -q epoch "$work/output" || ! grep -q "^fovea: $target: " "$work/message"; then
      echo "FAILED: $program --save $target printed:"
      cat "$work/output" "$work/message"
      failed=1
    fi
  done
done

# a mistake is a message and a status, not a crash
"$build/examples/train_mnist" --data "$work/nowhere" --epochs 1 2>"$work/message" </dev/null
status=$?
if [ $status -eq 0 ] || [ $status -ge 126 ] || ! grep -q nowhere "$work/message"; then
  echo "FAILED: train_mnist without data left with $status and said:"
  cat "$work/message"
  failed=1
fi

# refuse WHAT PROGRAM ARGUMENTS...: a value that means nothing is told, with status 2, at once
refuse() {
  what=$1
  name=$2
  shift 2
  (cd "$work" && timeout 20 "$build/examples/$name" "$@" >"$work/out" 2>"$work/message" </dev/null)
  status=$?
  [ $status -eq 2 ] && [ ! -s "$work/out" ] && grep -q -e "$what" "$work/message" && return
  echo "FAILED: $name $* left with $status and said:"
  cat "$work/message"
  failed=1
}
refuse "^train_mnist: --lr: '0' is no number" train_mnist --lr 0
refuse "^train_mnist: --lr: '0' is no number" train_mnist --lr=0
refuse "^train_mnist: -t: '99999' is no whole number" train_mnist -t 99999
refuse "^train_mnist: -t: '99999' is no whole number" train_mnist -qt99999
for program in train_mnist train_cifar10; do
  for bad in 0 -0.1 nan inf 1001 1e-13 0.1x '' ' '; do
    refuse "no number from 1e-12 to 1000" $program --data "$data" --lr "$bad"
  done
  for bad in -1 nan x 1e9; do
    refuse "no number from 0 to 1000" $program --data "$data" --weight-decay "$bad"
  done
  for bad in 0 -1 99999 4097 two 2.5 1e3 99999999999999999999 ''; do
    refuse "no whole number from 1 to 4096" $program --data "$data" --threads "$bad"
  done
  for option in --epochs --limit; do
    for bad in 0 -3 x 1.5 1000000000001; do
      refuse "no whole number from 1 to 1000000000000" $program --data "$data" $option "$bad"
    done
  done
  refuse "no whole number from 1 to 1000000" $program --data "$data" --batch-size 0
  refuse "no whole number from 1 to 1000000" $program --data "$data" --batch-size 1000001
  refuse "no whole number from 0 to" $program --data "$data" --seed -1
  refuse "an empty path" $program --data ''
  refuse "an empty path" $program --data "$data" --save ''
  refuse "unrecognized option" $program --data "$data" --learning-rate 1
  refuse "requires an argument" $program --lr
  refuse "Usage" $program --data "$data" surplus
done
refuse "no model 'vgg'" train_cifar10 --model vgg
refuse "from 1 to 1000000" network_plan 0
refuse "from 1 to 1000000" network_plan 12x
refuse "usage" network_plan 1 2
refuse "no network 'vgg'" profile_step vgg
refuse "usage" profile_step lenet small

# the script does so before it installs or builds anything
for bad in 0 -1 x 1e3 ''; do
  if "$1/examples/quickstart.sh" --epochs "$bad" >"$work/out" 2>"$work/message" </dev/null ||
    ! grep -q "no whole number" "$work/message" || [ -s "$work/out" ]; then
    echo "FAILED: quickstart.sh --epochs '$bad'"
    failed=1
  fi
done
exit $failed
