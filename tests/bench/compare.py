"""Runs both sides of the comparison in turn and prints the table; called by compare.sh.

Each round runs PyTorch in all of its four configurations (contiguous or channels-last, active or
passive waiting of OpenMP), and Fovea as it is before each pair of them; the figure of a side is its
best median over the rounds. ratio = PyTorch time / Fovea time.
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile

BATCH = {"lenet": 128, "small": 128, "resnet20": 128, "resnet18": 32}
STEPS = {"lenet": 60, "small": 10, "resnet20": 8, "resnet18": 5}
HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, wait=None):
    env = dict(os.environ, FOVEA_NUM_THREADS="2", OMP_NUM_THREADS="2")
    env.pop("OMP_WAIT_POLICY", None)
    if wait:
        env["OMP_WAIT_POLICY"] = wait
    out = subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out.decode().strip().splitlines()[-1])


def best(results):
    return min(results, key=lambda r: r["ms"])


def compare(binary, python, name, mode, rounds, weights):
    common = [name, "--batch", str(BATCH[name]), "--steps", str(STEPS[name]), "--load", weights]
    if mode == "infer":
        common.append("--infer")
    fovea, pytorch = [], []
    for _ in range(rounds):
        for wait in ("active", "passive"):
            fovea.append(run([binary] + common))
            for order in ([], ["--channels-last"]):
                script = os.path.join(HERE, "pytorch_network.py")
                pytorch.append(run([python, script, "--threads", "2"] + common + order, wait))
    for a, b in zip(fovea[0]["losses"], pytorch[0]["losses"]):
        if not abs(a - b) <= 2e-3 * max(1.0, abs(b)):
            sys.exit("compare: %s computes different losses: fovea %s, pytorch %s"
                     % (name, fovea[0]["losses"], pytorch[0]["losses"]))
    return best(fovea), best(pytorch)


def summary(ratios):
    geomean = math.exp(sum(math.log(r) for r in ratios) / len(ratios))
    return "geomean %.2f min %.2f" % (geomean, min(ratios))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="also write the figures to this file")
    parser.add_argument("networks", nargs="*", default=list(BATCH))
    args = parser.parse_args()
    figures = []
    everything = []
    for mode in ("train", "infer"):
        ratios = []
        print("# %s, two threads, batch %s" % (mode, ", ".join(
            "%s %d" % (n, BATCH[n]) for n in args.networks)))
        print("name fovea_ms pytorch_ms ratio fovea_peak_mb pytorch_peak_mb")
        for name in args.networks:
            with tempfile.TemporaryDirectory() as folder:
                weights = os.path.join(folder, "weights.safetensors")
                subprocess.run([args.binary, name, "--batch", str(BATCH[name]), "--dump", weights],
                               check=True)
                fovea, pytorch = compare(args.binary, args.python, name, mode, args.rounds, weights)
            ratio = pytorch["ms"] / fovea["ms"]
            ratios.append(ratio)
            print("%s %.2f %.2f %.2f %.0f %.0f" % (name, fovea["ms"], pytorch["ms"], ratio,
                                                   fovea["peak_mb"], pytorch["peak_mb"]), flush=True)
            figures.append({"mode": mode, "name": name, "ratio": ratio, "fovea": fovea,
                            "pytorch": pytorch})
        print("# %s: %s" % (mode, summary(ratios)), flush=True)
        everything += ratios
    print(summary(everything))
    if args.json:
        with open(args.json, "w") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
