#!/usr/bin/env bash
# ops.sh [options]: every op and the layers of well-known networks against PyTorch, in turn in one run;
# --only conv,softmax chooses, --help says what else. --build DIR uses another folder than build.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/bench/common.sh
. tests/bench/common.sh
prepare ops "$@"
exec "$python" tests/bench/ops/ops.py --binary "$binary" "${options[@]}"
