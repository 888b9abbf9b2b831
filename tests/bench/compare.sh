#!/usr/bin/env bash
# compare.sh [options] [network ...]: Fovea against PyTorch, both in turn in one run; README.md beside
# it says how, --help which options and networks there are. --build DIR uses another folder than build.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/common.sh
. tests/bench/common.sh
prepare network "$@"
exec "$python" tests/bench/compare.py --binary "$binary" "${options[@]}"
