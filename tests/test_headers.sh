#!/bin/sh
# Every public header compiles alone: as C17 and inside extern "C" as C++20, with GCC and Clang,
# and the examples are plain C17 to their last macro.
set -u
root=$1
cd "$root" || exit 1
failed=0
warnings="-Wall -Wextra -Wpedantic -Werror"

# try WHAT COMMAND...: a compiler that reads stdin
try() {
  what=$1
  shift
  "$@" -fsyntax-only -I"$root" - || {
    echo "FAILED $what: $*"
    failed=1
  }
}

public_headers() {
  echo fovea.h
  find tensor autograd nn optim data train -name '*.h' ! -name '*_impl.h' ! -path '*/kernels/*' | sort
}

for header in $(public_headers); do
  for cc in gcc clang; do
    command -v $cc >/dev/null 2>&1 || continue
    # shellcheck disable=SC2086
    printf '#include "%s"\nint header_test;\n' "$header" | try "$header" $cc -std=c17 $warnings -x c
  done
  for cxx in g++ clang++; do
    command -v $cxx >/dev/null 2>&1 || continue
    # shellcheck disable=SC2086
    printf 'extern "C" {\n#include "%s"\n}\nint header_test;\n' "$header" |
      try "$header" $cxx -std=c++20 $warnings -x c++
  done
done

for example in examples/*.c; do
  for cc in gcc clang; do
    command -v $cc >/dev/null 2>&1 || continue
    # shellcheck disable=SC2086
    $cc -std=c17 -D_POSIX_C_SOURCE=200809L $warnings -I"$root" -fsyntax-only "$example" || {
      echo "FAILED $example: $cc"
      failed=1
    }
  done
done
exit $failed
