#!/bin/sh
# fovea.hpp: its generated part is what the C headers say today, all of it compiles as C++20 without
# a warning, with and without exceptions, and a program that uses it sees what it promises.
set -u
root=$1 build=$2
failed=0
fail() {
  echo "FAILED: $1"
  failed=1
}

if command -v python3 >/dev/null 2>&1; then
  python3 "$root/cpp/generate.py" | cmp -s - "$root/cpp/calls.hpp" ||
    fail 'cpp/calls.hpp is not what cpp/generate.py makes now'
fi

compilers=
for cxx in g++ clang++; do command -v $cxx >/dev/null 2>&1 && compilers="$compilers $cxx"; done
[ -n "$compilers" ] || exit 77
for cxx in $compilers; do
  for more in '' -fno-exceptions; do
    # shellcheck disable=SC2086
    $cxx -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Werror $more -I"$build/include" \
      -fsyntax-only "$root/tests/hpp_probe.cpp" || fail "$cxx $more tests/hpp_probe.cpp"
  done
  $cxx -std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Werror -I"$build/include" \
    -fsyntax-only "$root/examples/first_program.cpp" || fail "$cxx examples/first_program.cpp"
done

# The same compiler's C++ side links and runs it.
case ${CC:-cc} in *clang*) run=clang++ ;; *) run=g++ ;; esac
command -v "$run" >/dev/null 2>&1 && [ "${SANITIZE:-OFF}" = OFF ] || exit $failed
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
# shellcheck disable=SC2046 # lists of flags
"$run" -std=c++20 -I"$build/include" "$root/tests/hpp_probe.cpp" "$build/libfovea.a" \
  $(sed -n 's/^Libs:.*libfovea\.a//p' "$build/fovea-static.pc") -o "$dir/probe" || fail 'linking'
"$dir/probe" || fail 'the program'
exit $failed
