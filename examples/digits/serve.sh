#!/usr/bin/env bash
# The page in which one draws a digit and sees every layer of the network, with one command:
#
#   examples/digits/serve.sh
#
# Installs what is missing, builds Fovea and trains the network (where that was not done before),
# compiles the library to WebAssembly, packs MNIST's first 5,000 images, and serves the page.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
  cat <<'EOF'
Usage: examples/digits/serve.sh [--port N] [--build DIR] [--data DIR] [--no-serve] [--help]

  --port N      on which to serve (default: 8000)
  --build DIR   where to build (default: build); the page comes to lie in DIR/digits
  --data DIR    the folder with mnist/ (default: $FOVEA_DATA or datasets; downloaded there if missing)
  --no-serve    puts the page together and leaves
EOF
}

port=8000 build=build data=${FOVEA_DATA:-datasets} serve=yes
while [ $# -gt 0 ]; do
  case $1 in
    --port | --build | --data)
      [ -n "${2:-}" ] || {
        echo "serve.sh: $1 needs a value" >&2
        exit 2
      }
      declare "${1#--}=$2"
      shift
      ;;
    --no-serve) serve=no ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
[[ $port =~ ^[0-9]{1,5}$ ]] || {
  echo "serve.sh: --port: '$port' is no port" >&2
  exit 2
}

# shellcheck disable=SC1091
. .ci/packages.sh

say() { printf '\n== %s\n' "$*"; }

say "Packages"
if ! fovea_install build || ! fovea_install wasm; then
  echo "serve.sh: what is missing could not be installed: see above." >&2
  exit 1
fi

# --- data -----------------------------------------------------------------------------------------
# mnist_file NAME: where MNIST's file of that name lies, packed or not
mnist_file() {
  local folder
  for folder in "$data/mnist" "$data/MNIST/raw" "$data"; do
    [ ! -f "$folder/$1.gz" ] || { echo "$folder/$1.gz" && return; }
    [ ! -f "$folder/$1" ] || { echo "$folder/$1" && return; }
  done
  return 1
}

if ! mnist_file train-images-idx3-ubyte >/dev/null; then
  say "MNIST"
  examples/get_data.sh "$data" mnist
fi

# --- the network ------------------------------------------------------------------------------------
weights=$build/digits.safetensors
if [ ! -f "$weights" ]; then
  say "Build Fovea into $build/"
  configure=(-S . -B "$build" -DCMAKE_BUILD_TYPE=Release -DFOVEA_EXAMPLES=ON)
  if [ ! -f "$build/CMakeCache.txt" ]; then
    command -v ninja >/dev/null 2>&1 && configure+=(-G Ninja)
    fovea_has check || configure+=(-DFOVEA_TESTS=OFF)
  fi
  cmake "${configure[@]}"
  cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)" --target train_mnist
  say "Train the network"
  "$build/examples/train_mnist" --model digits --compact --data "$data" --save "$weights"
fi

# --- the page ---------------------------------------------------------------------------------------
# first BYTES HEADER FILE: an IDX file of its own, gzipped, of so many bytes behind the first HEADER
# bytes; what stands before them (magic number and sizes) comes from the standard input
first() {
  local unpack=(cat)
  [ "${3%.gz}" = "$3" ] || unpack=(gzip -dc)
  # head ends before the file does, which is no failure of what reads it
  { cat && { "${unpack[@]}" "$3" 2>/dev/null || true; } | head -c $(($1 + $2)) | tail -c "$1"; } | gzip -9n
}

page=$build/digits
say "The page"
mkdir -p "$page"
printf '\0\0\010\003\0\0\023\210\0\0\0\034\0\0\0\034' |
  first $((5000 * 784)) 16 "$(mnist_file train-images-idx3-ubyte)" >"$page/mnist-images.idx.gz"
printf '\0\0\010\001\0\0\023\210' |
  first 5000 8 "$(mnist_file train-labels-idx1-ubyte)" >"$page/mnist-labels.idx.gz"
examples/digits/build.sh "$page" "$weights"

if [ $serve = yes ]; then
  say "http://localhost:$port/"
  exec python3 -m http.server --directory "$page" "$port"
fi
