#!/bin/sh
# Training on many ranks, through MPI: parallel.sh.
set -u
source=$1
build=$2
grep -q '^FOVEA_MPI:BOOL=ON' "$build/CMakeCache.txt" || exit 77 # tests/parallel.sh builds with it
command -v bash >/dev/null 2>&1 || exit 77
[ "${SANITIZE:-OFF}" = OFF ] || exit 77 # MPI's own leaks
exec bash "$source/tests/parallel.sh" --build "$build"
