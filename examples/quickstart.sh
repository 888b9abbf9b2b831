#!/usr/bin/env bash
# From a fresh clone to a trained network, with one command:
#
#   examples/quickstart.sh
#
# Installs the packages that are missing, builds Fovea into build/, and trains a convolutional
# network: on CIFAR-10 where it is at hand or can be downloaded, else on Fashion-MNIST.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOF'
Usage: examples/quickstart.sh [--offline] [--fashion] [--epochs N] [--build DIR] [--help]

Installs missing packages (apt-get, dnf, pacman or brew; through sudo when needed), builds Fovea,
and trains a network in about three minutes on two cores.

  --offline     ask nothing of the network: use what is installed and what data is there
  --fashion     train on Fashion-MNIST even where CIFAR-10 could be had
  --epochs N    passes over the training images
  --build DIR   where to build (default: build)

CIFAR-10 is looked for in $FOVEA_DATA and datasets/ (cifar-10-batches-bin in it), then downloaded
to datasets/ from its authors' site (170 MB). Fashion-MNIST comes from Debian's package
dataset-fashion-mnist, elsewhere from its authors' site (31 MB).
EOF
}

offline=no fashion=no epochs='' build=build
while [ $# -gt 0 ]; do
  case $1 in
    --offline) offline=yes ;;
    --fashion) fashion=yes ;;
    --epochs)
      epochs=${2:-}
      if ! [[ $epochs =~ ^[1-9][0-9]{0,5}$ ]]; then
        echo "quickstart.sh: --epochs: '$epochs' is no whole number from 1 to 999999" >&2
        exit 2
      fi
      shift
      ;;
    --build)
      build=${2:-}
      if [ -z "$build" ]; then
        echo "quickstart.sh: --build needs a folder" >&2
        exit 2
      fi
      shift
      ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

# shellcheck disable=SC1091
. .ci/packages.sh

say() { printf '\n== %s\n' "$*"; }

# --- packages and build ---------------------------------------------------------------------------
if [ $offline = no ]; then
  say "Packages"
  fovea_install build || {
    echo "quickstart.sh: what is missing could not be installed: see above." >&2
    exit 1
  }
  echo "All that a build needs is there."
elif ! fovea_need compiler cmake ninja; then
  echo "quickstart.sh: --offline installs nothing, so there is nothing to build with." >&2
  exit 1
fi

say "Build into $build/"
configure=(-S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DFOVEA_EXAMPLES=ON)
if [ ! -f "$build/CMakeCache.txt" ]; then
  command -v ninja >/dev/null 2>&1 && configure+=(-G Ninja)
  fovea_has check || configure+=(-DFOVEA_TESTS=OFF)
fi
cmake "${configure[@]}"
cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target train_cifar10 train_mnist predict

# --- data -----------------------------------------------------------------------------------------
# download SET: to datasets/, unless nothing may be asked of the network
download() {
  [ $offline = no ] && fovea_install curl && examples/get_data.sh datasets "$1"
}

# Sets root to the folder with CIFAR-10.
find_cifar() {
  local dir
  for dir in "${FOVEA_DATA:-}" datasets; do
    [ -n "$dir" ] || continue
    if [ -f "$dir/cifar-10-batches-bin/data_batch_1.bin" ] || [ -f "$dir/data_batch_1.bin" ]; then
      root=$dir
      return 0
    fi
  done
  root=datasets
  download cifar10
}

# Sets root to the folder with fashion-mnist/.
find_fashion() {
  local dir
  for dir in "${FOVEA_DATA:-}" datasets /usr/share/datasets; do
    root=$dir
    [ -n "$dir" ] && [ -f "$dir/fashion-mnist/train-images-idx3-ubyte.gz" ] && return 0
  done
  root=/usr/share/datasets
  if [ $offline = no ] && fovea_install fashion; then return 0; fi
  root=datasets
  download fashion-mnist
}

# --- training -------------------------------------------------------------------------------------
say "Data"
if [ $fashion = no ] && find_cifar; then
  set_name="CIFAR-10" weights=$build/cifar10.safetensors
  train=("$build/examples/train_cifar10" --model small --epochs "${epochs:-3}")
elif find_fashion; then
  set_name="Fashion-MNIST" weights=$build/fashion-mnist.safetensors
  train=("$build/examples/train_mnist" --fashion --epochs "${epochs:-4}")
else
  echo "Neither CIFAR-10 nor Fashion-MNIST is here, and neither could be downloaded." >&2
  echo "With network, examples/get_data.sh datasets cifar10 fetches the former; without, it says" >&2
  echo "what to copy where." >&2
  exit 1
fi
echo "$set_name, from $root"

say "Training on $set_name"
train+=(--data "$root" --save "$weights")
"${train[@]}" | tee "$build/quickstart.log"

accuracy=$(tail -n 1 "$build/quickstart.log" | cut -d ' ' -f 2)
say "Done: $accuracy of the test images of $set_name are named rightly"
echo "The trained weights lie in $weights (safetensors: Python reads them as well)."
echo "What is on a picture of yours: $build/examples/predict $weights FILE.png"
echo "Next: examples/README.md, and the first program in README.md"
