#!/usr/bin/env bash
# Tests the page of examples/digits in a real Chromium:
#
#   tests/web/run.sh [--build DIR] [--native DIR] [--only WORD]
#
#   --build DIR   where page, packages and screenshots go (otherwise build-web of the checkout)
#   --native DIR  a build of the library to use in place of a new one
#   --only WORD   the groups of checks with that word in their name
#
# The network is trained on MNIST where FOVEA_DATA has it; otherwise on made-up images, and nothing
# is said of accuracy. Needs Emscripten, Chromium, Node and npm (which fetches puppeteer-core and
# axe-core); leaves with 77 and a reason where one is missing. Ends with "N passed, N failed".
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/web/common.sh
. "$root/tests/web/common.sh"
only=

while [ $# -gt 0 ]; do
  case $1 in
    --build | --native | --only)
      [ $# -gt 1 ] || usage 2 >&2
      case $1 in
        --build) build=$2 ;;
        --native) native=$2 ;;
        *) only=$2 ;;
      esac
      shift
      ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
  esac
  shift
done

need_tools
need_packages puppeteer-core@24 axe-core@4
build_native
train_network
build_page

cc -O2 -I"$native/include" "$root/tests/web/activations.c" -o "$build/activations" \
  -L"$native" -lfovea -Wl,-rpath,"$native"
rm -rf "$build/screenshots"
mkdir -p "$build/screenshots"
exec node "$root/tests/web/test.mjs" --chromium "$chromium" --build "$build" --only "$only" \
  --mnist "$mnist"
