#!/bin/sh
# Stores PyTorch's values for every case of every op that has a torch expression, and for its
# variants with special values and integer types:
#   tests/golden/update.sh [BUILD-DIRECTORY]
# Needs Debian's python3-torch and a build directory with the tests (default: build-tests).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${1:-$here/../../build-tests}
cmake --build "$build" --target golden_inputs
"$build/tests/golden_inputs" | /usr/bin/python3 "$here/make.py" "$here"
for variants in special types; do
  "$build/tests/golden_inputs" $variants | /usr/bin/python3 "$here/make.py" "$here/$variants"
done
