# shellcheck shell=sh
# Made-up data sets for tests that train a little. To be sourced: make_images DIR, make_sides DIR.

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

# sides SIZE BRIGHT DARK FORMAT SIDE: the samples of a picture, a line each, in which a block left or
# right of the middle is bright and all else is dark.
sides() {
  awk -v n="$1" -v bright="$2" -v dark="$3" -v format="$4" -v side="$5" 'BEGIN {
    for (y = 0; y < n; y++)
      for (x = 0; x < n; x++) {
        inside = y >= n / 7 && y < n * 6 / 7 && x >= n / 7 && x < n * 6 / 7
        printf format, inside && (side == "left") == (x < n / 2) ? bright : dark
      }
  }'
}

# 256 images in MNIST format, of class 0 with the block on the left and of class 1 on the right.
make_sides() {
  mkdir -p "$1"
  for side in left right; do
    # shellcheck disable=SC2059 # it is made of octal numbers
    printf "$(sides 28 377 000 '\\%s' $side)" >"$1/$side"
  done
  cat "$1/left" "$1/right" >"$1/images"
  printf '\000\001' >"$1/labels"
  for _ in 1 2 3 4 5 6 7; do
    for kind in images labels; do
      cat "$1/$kind" "$1/$kind" >"$1/twice"
      mv "$1/twice" "$1/$kind"
    done
  done
  for part in train t10k; do
    { printf '\000\000\010\003\000\000\001\000\000\000\000\034\000\000\000\034'; cat "$1/images"; } \
      >"$1/$part-images-idx3-ubyte"
    { printf '\000\000\010\001\000\000\001\000'; cat "$1/labels"; } >"$1/$part-labels-idx1-ubyte"
  done
}
