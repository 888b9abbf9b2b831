#!/usr/bin/env bash
# The page of examples/digits beside onnxruntime-web and TensorFlow.js, on an otherwise idle machine:
#
#   tests/web/bench.sh [--build DIR] [--native DIR] [--rounds N] [--no-build]
#
#   --build DIR   where page, packages and results go (otherwise build-web of the checkout)
#   --native DIR  a build of the library to use in place of a new one
#   --rounds N    how often each is timed, in turn (15)
#   --no-build    measures what is in the build folder already
#
# One digit, a batch of 32 and a training step of 32 by the same network with the same weights, in
# one Chromium, on one thread each; the size of the programs; and the time from a stroke to the answer
# in the page. Prints a table, and leaves the figures in DIR/bench.json. Needs what run.sh needs, and
# MNIST in FOVEA_DATA.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/web/common.sh
. "$root/tests/web/common.sh"
rounds=15
built=no

while [ $# -gt 0 ]; do
  case $1 in
    --build | --native | --rounds)
      [ $# -gt 1 ] || usage 2 >&2
      case $1 in
        --build) build=$2 ;;
        --native) native=$2 ;;
        *) rounds=$2 ;;
      esac
      shift
      ;;
    --no-build) built=yes ;;
    -h | --help) usage 0 ;;
    *) usage 2 >&2 ;;
  esac
  shift
done

need_tools
need_packages puppeteer-core@24 onnxruntime-web@1 @tensorflow/tfjs@4 \
  @tensorflow/tfjs-backend-wasm@4
[ $built = yes ] || build_native
train_network
[ -n "$mnist" ] || leave 'MNIST is not in FOVEA_DATA'
[ $built = yes ] || build_page
exec node "$root/tests/web/bench.mjs" --chromium "$chromium" --build "$build" --weights "$weights" \
  --mnist "$mnist" --rounds "$rounds"
