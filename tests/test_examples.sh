#!/bin/sh
# Every example runs: the training programs on a few images, of the real data sets when FOVEA_DATA
# names them and of made-up ones otherwise. first_program, in C and in C++, trains on all of CIFAR-10
# for minutes, so it is only built.
set -u
build=$2
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# shellcheck source=tests/made_up_images.sh
. "$1/tests/made_up_images.sh"

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

known='activations filters first_program first_program_cpp gradcheck_layer predict templates train_cifar10 train_mnist'
shown='equivariance unet audio voxels upsampling dcgan'
for program in "$build"/examples/*; do
  [ -f "$program" ] || continue
  name=$(basename "$program")
  case " $known $shown " in
    *" $name "*) ;;
    *) try "$name" ;;
  esac
done
try gradcheck_layer
"$build/examples/network_plan" 128 >"$work/plan" || failed=1
if ! grep -q '^6.1.body.3 (Conv2d) *conv2d *\[128,512,4,4\] *winograd 4x4' "$work/plan" ||
  ! grep -q 'a training step at batch 128 takes' "$work/plan"; then
  echo "FAILED: network_plan said:"
  cat "$work/plan"
  failed=1
fi
try train_mnist --data "$data" --limit 200 --epochs 1
try train_mnist --data "$data" --limit 100 --epochs 1 --model digits --compact --save "$work/digits.safetensors"
for note in '"dtype":"BF16"' '"network":"digits"'; do
  if ! grep -q "$note" "$work/digits.safetensors"; then
    echo "FAILED: train_mnist --model digits --compact saved nothing with $note"
    failed=1
  fi
done
for model in small lenet resnet20; do
  try train_cifar10 --data "$data" --limit 96 --epochs 1 --model $model --save "$work/$model.safetensors"
done

# --- pictures of what networks and kernels do: each is written, and is a PNG file --------------------
# draws NAME PICTURES -- ARGUMENTS...
draws() {
  name=$1
  pictures=$2
  shift 3
  try "$name" "$@" --out "$work/pictures" >"$work/out"
  for picture in $pictures; do
    if [ "$(head -c 4 "$work/pictures/$picture.png" | tail -c 3)" != PNG ] || ! grep -q "$picture.png" "$work/out"; then
      echo "FAILED: $name drew no $picture.png, and said:"
      cat "$work/out"
      failed=1
    fi
  done
}
mkdir -p "$work/pictures"
draws filters filters --
# the average of a kernel that sums to 1 is that of the picture, of one that sums to 0 next to nothing
awk '/^identity/ { one = $3 } /^box blur/ { blur = $6 } /^Laplace, 8/ { zero = $4 } /^grey/ { grey = $2 }
     END { exit !(one > 0.2 && one - grey < 0.01 && grey - one < 0.01 && blur - one < 0.01 &&
                  one - blur < 0.01 && zero < 0.001 && zero > -0.001) }' "$work/out" || {
  echo "FAILED: filters printed:"
  cat "$work/out"
  failed=1
}
{ printf 'P6 60 40 255\n'; head -c 7200 /dev/zero | tr '\0' 'x'; } >"$work/flat.ppm"
draws filters filters -- "$work/flat.ppm"
draws templates templates -- --data "$data" --limit 200 --epochs 1
draws templates templates_filters -- --data "$data" --limit 128 --epochs 1 --filters
draws activations 'activations activations_where activations_ascent' -- --data "$data" --quick --limit 64
try train_mnist --data "$data" --limit 64 --epochs 1 --quiet --save "$work/way.safetensors"
draws activations activations -- --data "$data" --quick --model "$work/way.safetensors" --digit 3

# --- predict: what train_mnist saved names pictures rightly ----------------------------------------
# picture KIND SIZE BRIGHT DARK SIDE: plain PGM (P2) or PPM (P3)
picture() {
  printf '%s\n# a comment\n%s %s\n200\n' "$1" "$2" "$2"
  format='%s\n'
  [ "$1" = P2 ] || format='%s 0 0\n' # the luma of red
  sides "$2" "$3" "$4" "$format" "$5"
}

# named CLASS MESSAGE ARGUMENTS...: the likeliest class, and what stderr says ('' for nothing)
named() {
  class=$1
  message=$2
  shift 2
  if (cd "$work" && "$build/examples/predict" "$@" >out 2>message) &&
    head -n 1 "$work/out" | grep -Eq "^$class (0\.[5-9]|1\.)" && [ "$(wc -l <"$work/out")" -eq 3 ]; then
    if [ -z "$message" ]; then
      [ -s "$work/message" ] || return
    else
      grep -q "$message" "$work/message" && return
    fi
  fi
  echo "FAILED: predict $* should be $class, but said:"
  cat "$work/out" "$work/message"
  failed=1
}

make_sides "$work/sides"
try train_mnist --data "$work/sides" --epochs 4 --batch-size 16 --no-augment --quiet --save sides.safetensors
for side in left right; do
  class=0
  [ $side = left ] || class=1
  { printf 'P5 28 28 255\n'; cat "$work/sides/$side"; } >"$work/$side.pgm"
  named "$class" '' sides.safetensors $side.pgm
  for size in 28 14 50 84; do
    picture P2 $size 200 0 $side >"$work/plain.pgm"
    named "$class" '' sides.safetensors plain.pgm
    picture P2 $size 0 200 $side >"$work/paper.pgm"
    named "$class" 'border is bright' sides.safetensors paper.pgm
    named "$class" '' sides.safetensors --invert paper.pgm
  done
  picture P3 28 200 0 $side >"$work/red.ppm"
  named "$class" '' sides.safetensors red.ppm
done
# the lower half of the picture alone: twice as wide as high
{ printf 'P5 28 14 255\n'; tail -c 392 "$work/sides/right"; } >"$work/wide.pgm"
named 1 'shape is changed' sides.safetensors wide.pgm
if command -v python3 >/dev/null 2>&1; then
  python3 - "$work/sides/right" "$work/right.png" <<'END'
import struct, sys, zlib
image = open(sys.argv[1], "rb").read()
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + image[i : i + 28] for i in range(0, 784, 28))
open(sys.argv[2], "wb").write(
    b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END
  if grep -q '^PNG_LIBRARY_RELEASE:.*=/' "$build/CMakeCache.txt" &&
    grep -q '^FOVEA_PNG:BOOL=ON' "$build/CMakeCache.txt"; then
    named 1 '' sides.safetensors right.png
  elif "$build/examples/predict" "$work/sides.safetensors" "$work/right.png" 2>"$work/message" ||
    ! grep -q 'made without libpng' "$work/message"; then
    echo "FAILED: predict without libpng said:"
    cat "$work/message"
    failed=1
  fi
  head -c 60 "$work/right.png" >"$work/short.png"
fi

# the other networks, and the names of their classes
try train_mnist --fashion --data "$work/sides" --epochs 4 --batch-size 16 --no-augment --quiet --save clothes.safetensors
named trouser '' clothes.safetensors right.pgm
for model in small lenet resnet20; do
  "$build/examples/predict" "$work/$model.safetensors" "$work/red.ppm" >"$work/out" 2>&1
  if [ "$(grep -Ec '^(airplane|automobile|bird|cat|deer|dog|frog|horse|ship|truck) [01]\.[0-9]{4}$' "$work/out")" -ne 3 ]; then
    echo "FAILED: predict with $model said:"
    cat "$work/out"
    failed=1
  fi
done

# --- programs that show one thing: a figure that must hold, and pictures --------------------------
# show NAME CONDITION PICTURES ARGUMENTS...: quick, into a folder that it makes; CONDITION is awk's, of
# the lines that it prints. Sanitizers, which are slow, see as little as runs through all of it
show() {
  name=$1
  condition=$2
  pictures=$3
  shift 3
  [ -x "$build/examples/$name" ] || return
  if [ "${SANITIZE:-}" = ON ]; then
    condition=1
    set -- "$@" --epochs 1
    case $name in
      equivariance | upsampling | dcgan) set -- "$@" --limit 100 ;;
    esac
  fi
  echo "--- $name $*"
  (cd "$work" && "$build/examples/$name" --quick --out "$name" "$@" </dev/null >out) || {
    echo "FAILED: $name $* left with $?"
    failed=1
  }
  awk "$condition" "$work/out" || {
    echo "FAILED: $name $* should have $condition, but said:"
    cat "$work/out"
    failed=1
  }
  for picture in $pictures; do
    [ -s "$work/$name/$picture" ] && continue
    echo "FAILED: $name $* has not written $picture"
    failed=1
  done
}
digits=$data
[ -n "${FOVEA_DATA:-}" ] || digits=$work/sides
# shellcheck disable=SC2016 # awk's fields
{
  show equivariance '/stride 2  *1/ && $NF > 0.1 {odd = 1} /stride 2  *2/ && $NF < 1e-4 {even = 1}
      /padding 1  / && $NF > 1e-4 {wrong = 1} END {exit !(odd && even && !wrong)}' \
    'equivariance.png equivariance_pooling.png equivariance_accuracy.png' --data "$digits"
  show unet '$1 == "mean_iou" && $2 > 0.25 {good = 1} END {exit !good}' unet.png
  show audio '/test_accuracy/ && $6 > 0.25 {good = 1} END {exit !good}' \
    'audio_spectrograms.png audio_filters.png audio_spectra.png chord.wav vowel_i.wav'
  show voxels '/test_accuracy/ && $6 > 0.25 {good = 1} END {exit !good}' \
    'voxels.png voxels_slices.png'
  show upsampling '/3x3, stride 2/ && NF == 6 && $6 > 0.2 {three = 1}
      /^  nearest/ && NF == 5 && $5 < 1e-4 {near = 1}
      END {exit !(three && near)}' \
    'upsampling_hits.png upsampling_random.png upsampling_autoencoders.png' --data "$digits"
  show dcgan '/^epoch 1/ && $4 < 1.6 {good = 1} END {exit !good}' \
    'dcgan_epoch_01.png dcgan_epochs.png dcgan_losses.png dcgan.safetensors' --mnist --data "$digits"
}
if [ "$(head -c 4 "$work/audio/chord.wav")" != RIFF ] ||
  [ "$(wc -c <"$work/audio/chord.wav")" -ne $((44 + 2 * 4096)) ]; then
  echo "FAILED: audio's chord.wav is no .wav file of 4096 samples"
  failed=1
fi
for again in one two; do
  try dcgan --sample dcgan/dcgan.safetensors --seed 7 --out $again
done
if ! cmp -s "$work/one/dcgan_samples.png" "$work/two/dcgan_samples.png"; then
  echo "FAILED: dcgan --sample drew two pictures with one seed"
  failed=1
fi

# unreadable WHAT ARGUMENTS...: told, with status 1
unreadable() {
  what=$1
  shift
  (cd "$work" && "$build/examples/predict" "$@" >out 2>message)
  status=$?
  [ $status -eq 1 ] && [ ! -s "$work/out" ] && grep -q "$what" "$work/message" && return
  echo "FAILED: predict $* left with $status and said:"
  cat "$work/message"
  failed=1
}
head -c 300 "$work/left.pgm" >"$work/short.pgm"
printf 'P5 0 28 255\n' >"$work/empty.pgm"
printf 'P2 2 1 255\n1 256\n' >"$work/above.pgm"
printf 'P5 99999 28 255\n' >"$work/huge.pgm"
unreadable 'more than its bytes can hold' sides.safetensors short.pgm
unreadable 'a picture of 0 x 28' sides.safetensors empty.pgm
unreadable 'a picture of 99999 x 28' sides.safetensors huge.pgm
unreadable 'no number up to 255' sides.safetensors above.pgm
unreadable 'neither PNG, JPEG, PGM nor PPM' sides.safetensors sides.safetensors
unreadable 'none.pgm: No such file' sides.safetensors none.pgm
unreadable 'none.safetensors' none.safetensors left.pgm
unreadable 'does not say which network' tour.safetensors left.pgm
[ ! -f "$work/short.png" ] || unreadable 'short.png: ' sides.safetensors short.png

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
for program in $shown; do
  refuse "no whole number from 1 to 1000000000000" "$program" --epochs 0
  refuse "an empty path" "$program" --out ''
  refuse "Usage" "$program" surplus
done
for program in unet audio voxels; do # they read no data
  refuse "unrecognized option" "$program" --data "$data"
done
refuse "no model 'vgg'" train_cifar10 --model vgg
refuse "from 1 to 1000000" network_plan 0
refuse "from 1 to 1000000" network_plan 12x
refuse "usage" network_plan 1 2
refuse "usage" predict
refuse "usage" predict one
refuse "usage" predict one two three
refuse "usage" predict one two --inverted
refuse "usage" filters one two
refuse "usage" filters --out
refuse "an empty path" activations --model ''
refuse "no whole number from 1 to" templates --epochs 0
refuse "Usage" templates surplus
refuse "no network 'vgg'" profile_step vgg
refuse "usage" profile_step lenet small
refuse "usage" receptive_field vgg
refuse "usage" receptive_field lenet small

# the script does so before it installs or builds anything
for bad in 0 -1 x 1e3 ''; do
  if "$1/examples/quickstart.sh" --epochs "$bad" >"$work/out" 2>"$work/message" </dev/null ||
    ! grep -q "no whole number" "$work/message" || [ -s "$work/out" ]; then
    echo "FAILED: quickstart.sh --epochs '$bad'"
    failed=1
  fi
done
exit $failed
