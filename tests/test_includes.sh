#!/bin/sh
# Includes go one way: tensor <- autograd <- nn; optim -> autograd, tensor; data -> tensor. nn and
# optim never meet; train sees all and nobody sees it. A *_impl.h stays in its folder; one file includes blis.h,
# one mpi.h, one png.h, one jpeglib.h, one knows OpenMP.
set -u
cd "$1" || exit 1
failed=0

# found WHAT LINES: a failure when there are lines
found() {
  [ -z "$2" ] && return
  echo "FAILED: $1:"
  echo "$2"
  failed=1
}

includes() {
  grep -rnE '^ *# *include' --include='*.[ch]' --include='*.inc' "$@"
}

# forbid FOLDER OTHERS...: what FOLDER may not include; nobody includes the whole library
forbid() {
  folder=$1
  shift
  others=$(echo "$*" | tr ' ' '|')
  found "$folder may not include $*" \
    "$(includes "$folder" | grep -E "include +[\"<]((\.\./)*($others)/|(\.\./)*fovea\.h)")"
}
forbid tensor autograd nn optim data train
forbid autograd nn optim data train
forbid nn optim data train
forbid optim nn data train
forbid data autograd nn optim train
forbid train examples

for folder in tensor autograd nn optim data train; do
  for other in tensor autograd nn optim data train examples; do
    [ $folder = $other ] && continue
    found "a private header of $folder is used in $other" \
      "$(includes $other | grep -E "include +[\"<]$folder/.*_impl\.h")"
  done
done
found 'a private header in public code' \
  "$(includes fovea.h examples nn/nn.h optim/optim.h data/data.h train/train.h | grep '_impl\.h')"
found 'blis.h belongs to tensor/kernels/product/gemm_blis.c' \
  "$(includes tensor autograd nn optim data train examples |
    grep -E 'include +["<].*blis\.h' | grep -v '^tensor/kernels/product/gemm_blis\.c:')"
found 'OpenMP belongs to tensor/parallel_openmp.c' \
  "$(grep -rnE '# *pragma +omp|omp_[a-z_]+\(|<omp\.h>' --include='*.[ch]' tensor autograd nn optim data train |
    grep -v '^tensor/parallel_openmp\.c:')"
found 'png.h belongs to data/image/png_read.c, jpeglib.h to data/image/jpeg.c' \
  "$(includes tensor autograd nn optim data train examples |
    grep -E 'include +["<](png|jpeglib)\.h' |
    grep -vE '^data/image/(png_read\.c:.*png|jpeg\.c:.*jpeglib)\.h')"
found 'mpi.h belongs to nn/parallel/transport_mpi.c' \
  "$(includes tensor autograd nn optim data train examples |
    grep -E 'include +["<].*mpi\.h' | grep -v '^nn/parallel/transport_mpi\.c:')"
exit $failed
