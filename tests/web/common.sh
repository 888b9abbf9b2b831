# shellcheck shell=bash
# What the test and the benchmark of the page share: tools, packages, the network, the page. To be
# sourced by a script that has set root; says in these variables where things are.
# shellcheck disable=SC2034 # they are for that script
build=${root:?}/build-web # with the page in digits/
native=                   # a build of the library
chromium=
data=  # with mnist/
mnist= # the folder with MNIST's files, or "" when the images are made up
weights=

usage() {
  sed -n '/^#!/d; /^[^#]/q; s/^# \{0,1\}//p' "$0"
  exit "$1"
}

script=$(basename "$0")
# leave WHY: there is nothing to do here
leave() {
  echo "$script: skipped: $1"
  exit 77
}

need_tools() {
  local tool
  for tool in emcc cmake node npm; do
    command -v "$tool" >/dev/null 2>&1 ||
      leave "there is no $tool (Debian: emscripten, cmake, nodejs, npm)"
  done
  for tool in "${CHROMIUM:-chromium}" chromium-browser google-chrome; do
    chromium=$(command -v "$tool" 2>/dev/null) && break
  done
  [ -n "$chromium" ] || leave 'there is no chromium (Debian: chromium)'
  node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)' ||
    leave "node $(node --version) is older than 18"
  mkdir -p "$build"
  build=$(cd "$build" && pwd)
}

# need_packages PACKAGE...: from npm, into the build folder, unless they are there
need_packages() {
  local package
  local missing=()
  for package in "$@"; do
    [ -d "$build/node_modules/${package%@*}" ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  [ -e "$build/package.json" ] || echo '{ "private": true }' >"$build/package.json"
  npm install --prefix "$build" --no-audit --no-fund --loglevel=error "${missing[@]}" \
    >"$build/npm.log" 2>&1 || {
    tail -n 5 "$build/npm.log"
    leave "npm could not install ${missing[*]}"
  }
}

# or_show LOG COMMAND...: shows the end of what it said, if it fails
or_show() {
  local log=$1
  shift
  "$@" >>"$log" 2>&1 || {
    tail -n 30 "$log"
    return 1
  }
}

build_native() {
  if [ -n "$native" ]; then
    native=$(cd "$native" && pwd)
    return
  fi
  native=$build/native
  mkdir -p "$native"
  or_show "$native/log" cmake -S "$root" -B "$native" -DCMAKE_BUILD_TYPE=Release -DFOVEA_TESTS=OFF \
    -DFOVEA_BENCH=OFF
  or_show "$native/log" cmake --build "$native" --parallel "$(getconf _NPROCESSORS_ONLN)" \
    --target fovea_shared train_mnist
}

# The network "digits" much as serve.sh trains it; on made-up images a moment's training.
train_network() {
  local options=(--compact --epochs 2)
  data=${FOVEA_DATA:-$root/datasets}
  if [ -e "$data/mnist/t10k-images-idx3-ubyte" ] || [ -e "$data/mnist/t10k-images-idx3-ubyte.gz" ]; then
    mnist=$data/mnist
  else
    # shellcheck source=tests/made_up_images.sh
    . "$root/tests/made_up_images.sh"
    data=$build/made-up
    make_sides "$data/mnist"
    options=(--epochs 1 --no-augment)
    echo "$script: MNIST is not here (FOVEA_DATA): made-up images, and no check of accuracy"
  fi
  weights=$build/digits.safetensors
  [ "$(cat "$weights.data" 2>/dev/null)" = "$data" ] || rm -f "$weights"
  [ -e "$weights" ] ||
    "$native/examples/train_mnist" --model digits --data "$data" "${options[@]}" --quiet --save "$weights"
  echo "$data" >"$weights.data"
}

build_page() {
  rm -rf "$build/digits"
  : >"$build/page.log"
  or_show "$build/page.log" "$root/examples/digits/serve.sh" --no-serve --build "$build" --data "$data"
}
