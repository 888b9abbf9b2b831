#!/bin/sh
# examples/get_data.sh with mirrors of made-up files: what arrives is right, what is wrong or missing
# is told, and nothing half done is left in place. Nothing is asked of the network.
set -u
root=$1
build=$2
script=$root/examples/get_data.sh
command -v md5sum >/dev/null 2>&1 && command -v gzip >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
unset FOVEA_DATA FOVEA_MIRROR FOVEA_CHECKSUMS http_proxy https_proxy HTTP_PROXY HTTPS_PROXY
failed=0
mirror=$work/mirror
names='train-images-idx3-ubyte.gz train-labels-idx1-ubyte.gz t10k-images-idx3-ubyte.gz
t10k-labels-idx1-ubyte.gz'

# --- a mirror: 256 black images, and archives whose files are a few bytes -------------------------
zeros() { dd if=/dev/zero bs=1 count=0 seek="$1" of="$2" 2>/dev/null; }
mkdir -p "$mirror/mnist" "$mirror/fashion-mnist" "$mirror/cifar10" "$work/cifar-10-batches-bin"
for part in train t10k; do
  printf '\000\000\010\003\000\000\001\000\000\000\000\034\000\000\000\034' >"$work/images"
  printf '\000\000\010\001\000\000\001\000' >"$work/labels"
  zeros $((16 + 256 * 28 * 28)) "$work/images"
  zeros $((8 + 256)) "$work/labels"
  for set in mnist fashion-mnist; do
    gzip -n <"$work/images" >"$mirror/$set/$part-images-idx3-ubyte.gz"
    gzip -n <"$work/labels" >"$mirror/$set/$part-labels-idx1-ubyte.gz"
  done
done
for name in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
  echo $name >"$work/cifar-10-batches-bin/$name.bin"
done
tar -C "$work" -czf "$mirror/cifar10/cifar-10-binary.tar.gz" cifar-10-batches-bin
(cd "$mirror" && md5sum ./*/* | sed 's|\./||') >"$work/sums"
export FOVEA_CHECKSUMS="$work/sums"

# --- trying ---------------------------------------------------------------------------------------
# run STATUS ARGUMENTS...: the script must leave so; what it said is in $work/said
run() {
  need=$1
  shift
  sh "$script" "$@" >"$work/said" 2>&1
  status=$?
  [ $status -eq "$need" ] && return
  wrong "$* left with $status, not $need"
}
wrong() {
  echo "FAILED: $*; get_data.sh said:"
  cat "$work/said"
  failed=1
}
says() {
  grep -qF -- "$1" "$work/said" || wrong "no '$1'"
}
# same SET DIR: everything has arrived, and nothing else
same() {
  diff -r "$mirror/$1" "$2" >"$work/difference" || wrong "$(cat "$work/difference")"
}
no_rests() {
  rests=$(find "$1" -name '*.part' -o -name '.unpacking*' -o -name '*.tar.gz')
  [ -z "$rests" ] || wrong "left behind: $rests"
}

export FOVEA_MIRROR="file://$mirror"
run 0 "$work/a"
same mnist "$work/a/mnist"
run 0 cifar10 fashion-mnist "$work/a" # a word that is no set is the folder
same fashion-mnist "$work/a/fashion-mnist"
diff -r "$work/cifar-10-batches-bin" "$work/a/cifar-10-batches-bin" || wrong "cifar10 differs"
no_rests "$work/a"
if [ -x "$build/examples/train_mnist" ]; then
  "$build/examples/train_mnist" --data "$work/a" --limit 64 --epochs 1 >"$work/said" 2>&1 </dev/null ||
    wrong "train_mnist does not read what it fetched"
fi

if command -v unzip >/dev/null 2>&1 && command -v python3 >/dev/null 2>&1; then
  mkdir "$mirror/emnist" "$work/gzip"
  cp "$mirror/mnist/train-images-idx3-ubyte.gz" \
    "$work/gzip/emnist-letters-train-images-idx3-ubyte.gz"
  (cd "$work" && python3 -m zipfile -c "$mirror/emnist/gzip.zip" gzip)
  echo "$(md5sum <"$mirror/emnist/gzip.zip" | cut -d ' ' -f 1)  emnist/gzip.zip" >>"$work/sums"
  run 0 "$work/a" emnist
  diff -r "$work/gzip" "$work/a/emnist" || wrong "emnist differs"
  no_rests "$work/a"
fi

# what is there stays, also packed in another way; what is damaged is fetched again
export FOVEA_MIRROR="$work/nowhere"
run 0 "$work/a" mnist fashion-mnist cifar10
says 'mnist: train-images-idx3-ubyte.gz is there'
says 'cifar10: cifar-10-binary.tar.gz is there'
gunzip <"$mirror/mnist/t10k-labels-idx1-ubyte.gz" | gzip -1 >"$work/a/mnist/t10k-labels-idx1-ubyte.gz"
run 0 "$work/a"
export FOVEA_MIRROR="$mirror" # a folder
head -c 100 "$mirror/mnist/train-images-idx3-ubyte.gz" >"$work/a/mnist/train-images-idx3-ubyte.gz"
cp "$mirror/mnist/t10k-labels-idx1-ubyte.gz" "$work/a/mnist/"
run 0 "$work/a"
same mnist "$work/a/mnist"
export FOVEA_DATA="$work/b"
run 0
unset FOVEA_DATA
same mnist "$work/b/mnist"
(cd "$work" && sh "$script" >said 2>&1) || wrong "without a folder"
same mnist "$work/datasets/mnist"

# a wrong checksum, a missing file, no network, no tool: told, and nothing is in place
sed 's/^....\(.* mnist.train-labels\)/0000\1/' "$work/sums" >"$work/other"
FOVEA_CHECKSUMS="$work/other" run 1 "$work/c"
says 'train-labels-idx1-ubyte.gz is not the file that it should be: its md5 is'
[ ! -e "$work/c/mnist/train-labels-idx1-ubyte.gz" ] || wrong "a wrong file is in place"
[ -e "$work/c/mnist/train-images-idx3-ubyte.gz" ] || wrong "a right one is not"
no_rests "$work/c"
rm "$mirror/mnist/train-labels-idx1-ubyte.gz"
run 1 "$work/d"
says 'mnist is not all there'
for name in $names; do says "https://ossci-datasets.s3.amazonaws.com/mnist/$name   (md5 "; done
says "and put them into $work/d/mnist."
no_rests "$work/d"
gzip -n <"$work/labels" >"$mirror/mnist/train-labels-idx1-ubyte.gz"
FOVEA_MIRROR=http://127.0.0.1:1 run 1 "$work/e" cifar10
says "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz   (md5 "
says "and put it into $work/e; "
cp "$mirror/cifar10/cifar-10-binary.tar.gz" "$work/e/" # as it says
FOVEA_MIRROR=$work/nowhere run 0 "$work/e" cifar10
diff -r "$work/cifar-10-batches-bin" "$work/e/cifar-10-batches-bin" || wrong "cifar10 was not unpacked"
no_rests "$work/e"
echo "000 mnist/other" >"$work/none"
FOVEA_CHECKSUMS="$work/none" run 1 "$work/f"
says 'has no checksum of mnist/train-images-idx3-ubyte.gz'
echo >"$work/file"
run 1 "$work/file"
run 2 "$work/f" "$work/g"
says "is no data set, and the folder is"
run 2 --unknown
run 0 --help
says 'Usage: examples/get_data.sh [DIR] [SET...]'

# the tools that it may find: links to all but the one that is not to be there
tools() {
  rm -rf "${work:?}/bin"
  mkdir "$work/bin"
  for tool in sh awk cat cp cut dirname grep gzip md5sum mkdir mv rm sed tar "$@"; do
    path=$(command -v "$tool") && ln -s "$path" "$work/bin/$tool"
  done
}
tools
PATH="$work/bin" FOVEA_MIRROR=http://127.0.0.1:1 run 1 "$work/h"
says 'downloading needs curl or wget (Debian: apt install curl)'
rm "$work/bin/md5sum"
PATH="$work/bin" run 1 "$work/h"
says 'comparing checksums needs md5sum, md5 or openssl'

# over HTTP, by either tool; a part of an earlier try is gone on with or thrown away
if command -v python3 >/dev/null 2>&1; then
  (cd "$mirror" && exec python3 -u -m http.server --bind 127.0.0.1 0) >"$work/server" 2>&1 &
  server=$!
  for wait in 1 2 3 4 5 6 7 8 9 10; do
    port=$(sed -n 's/.* port \([0-9]*\).*/\1/p' "$work/server")
    [ -z "$port" ] || break
    sleep "$wait"
  done
  if [ -n "$port" ]; then
    for tool in curl wget; do
      command -v $tool >/dev/null 2>&1 || continue
      tools $tool
      mkdir -p "$work/$tool/mnist"
      head -c 50 "$mirror/mnist/train-images-idx3-ubyte.gz" \
        >"$work/$tool/mnist/train-images-idx3-ubyte.gz.part"
      echo 'something else' >"$work/$tool/mnist/t10k-images-idx3-ubyte.gz.part"
      PATH="$work/bin" FOVEA_MIRROR="http://127.0.0.1:$port/" run 0 "$work/$tool"
      same mnist "$work/$tool/mnist"
      PATH="$work/bin" FOVEA_MIRROR="http://127.0.0.1:$port/no" run 1 "$work/$tool" fashion-mnist
      says 'fashion-mnist is not all there'
      no_rests "$work/$tool"
    done
  fi
fi
exit $failed
