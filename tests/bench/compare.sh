#!/usr/bin/env bash
# compare.sh [network ...]: Fovea against PyTorch (Debian's python3-torch), training and inference,
# both at two threads, in turn in one run, PyTorch in the best of its configurations.
# Networks: lenet small resnet20 (batch 128), resnet18 (batch 32); all four by default.
# ROUNDS (3) and JSON (a file for the figures) may be set in the environment.
set -euo pipefail
cd "$(dirname "$0")/../.."
for name in "$@"; do
  case $name in
  lenet | small | resnet20 | resnet18) ;;
  *)
    echo "compare.sh: unknown network '$name'" >&2
    exit 2
    ;;
  esac
done
python=${PYTHON:-/usr/bin/python3}
if ! "$python" -c 'import torch, numpy' 2>/dev/null; then
  echo "compare.sh: PyTorch is missing; on Debian: apt-get install python3-torch python3-numpy" >&2
  exit 1
fi
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build --target bench_network -j "$(nproc)" >/dev/null
json=()
[ -n "${JSON:-}" ] && json=(--json "$JSON")
exec "$python" tests/bench/compare.py --python "$python" --binary build/bench/network \
  --rounds "${ROUNDS:-3}" "${json[@]}" "$@"
