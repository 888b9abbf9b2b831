"""Fovea against PyTorch, network by network, the two sides in turn; called by compare.sh.

PyTorch runs in four configurations (contiguous or channels-last, OpenMP's threads waiting actively or
passively), each a program that stays; a round gives every program a turn of --seconds, of which the
median step counts. The figure of a configuration is the median over the rounds, that of a side the best
of its configurations; ratio = PyTorch's figure / Fovea's. Losses of the first steps must agree.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile

import machine
import options
import report
from sides import Side, in_turn

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 2e-3  # of the losses
ONE_DIMENSIONAL = ("m5", "wavenet", "mlp")  # PyTorch has no channels-last order for their inputs


def start_sides(args, name, folder, threads):
    """Fovea's first; then those it is compared with, several of one name being configurations."""
    env = options.environment(args, threads)
    weights = os.path.join(folder, "weights.safetensors")
    if not os.path.exists(weights):
        subprocess.run([args.binary, name, "--dump", weights], check=True)
    sides = [Side("fovea", [args.binary, name, "--load", weights], env)]
    sides[0].config = ""
    if args.old:
        sides.append(Side("old", [args.old, name, "--load", weights], env))
        sides[-1].config = ""
    script = os.path.join(HERE, "pytorch_network.py")
    orders = [""] if name in ONE_DIMENSIONAL else ["", "--channels-last"]
    sides += options.pytorch_sides(args, threads, orders, [script, name, "--load", weights])
    if args.onnxruntime:
        if not os.path.exists(os.path.join(folder, "infer.onnx")):
            subprocess.run([args.pythons[0], "-W", "ignore", script, name, "--load", weights,
                            "--export", folder], check=True, stdout=subprocess.DEVNULL)
        sides.append(Side("onnxruntime", ["node", os.path.join(HERE, "onnx_network.js"), folder,
                                          args.onnxruntime], env))
        sides[-1].config = ""
    return sides


def agree(name, mode, sides, first):
    """Ends the run when a side computes something else than Fovea."""
    mine = first[sides[0]]["losses"]
    for side in sides[1:]:
        if "error" in first[side]:
            wrong = first[side]["error"] > TOLERANCE
        else:
            wrong = any(not abs(a - b) <= TOLERANCE * max(1.0, abs(b))
                        for a, b in zip(mine, first[side]["losses"]))
        if wrong:
            sys.exit("compare: %s, %s computes something else: fovea %s, %s %s"
                     % (name, mode, mine, side.name, first[side]))


def measure(args, name, mode, threads, sides):
    """The figures of a mode: milliseconds and more by the name of the side."""
    first = {side: side.ask(mode, threads, 3, 1) for side in sides}
    agree(name, mode, sides, first)
    peaks = {}

    def turn(side):
        steps = max(2, min(1000, round(args.seconds * 1e3 / max(first[side]["ms"], 1e-3))))
        said = side.ask(mode, threads, 1 if steps < 10 else 3, steps)
        peaks[side] = said["peak_mb"]
        return said["ms"]

    times = in_turn(sides, args.rounds, turn)
    figures = {}
    for side in sides:
        ms = statistics.median(times[side])
        if side.name not in figures or ms < figures[side.name]["ms"]:
            figures[side.name] = {"ms": round(ms, 5), "peak_mb": peaks[side],
                                  "spread": round(max(times[side]) / min(times[side]), 3)}
            if side.config:
                figures[side.name]["config"] = side.config
    return figures


def compare_modes(args, name, folder, columns, threads):
    """The figures by column. The programs are those of a number of threads: PyTorch's matrix products
    keep the one that they began with."""
    figures = {}
    sides = start_sides(args, name, folder, threads) if columns else []
    try:
        for column, mode in columns:
            here = [s for s in sides if mode != "train" or s.name != "onnxruntime"]
            figures[column] = measure(args, name, mode, threads, here)
    finally:
        for side in sides:
            side.end()
    return figures


def compare(args, name):
    """All modes of a network. Inference comes first, as it needs less memory: the peak is that of the
    program so far."""
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for threads in (1, None):
            columns = [(c, m) for c, m, t in report.COLUMNS if t == threads and m in args.modes]
            figures.update(compare_modes(args, name, folder, columns, threads or args.threads))
    return figures


def arguments():
    parser = argparse.ArgumentParser(prog="compare.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="all unless told")
    parser.add_argument("--modes", default="train,infer,batch1",
                        help="some of train,infer,batch1")
    parser.add_argument("--onnxruntime", help="a folder node_modules/onnxruntime-node: inference too")
    options.add(parser, rounds=5, seconds=0.3)
    parser.add_argument("--record", action="store_true", help="append a line to history.jsonl")
    parser.add_argument("--show", action="store_true", help="run nothing: the table of --json")
    args = options.parse(parser)
    args.modes = args.modes.split(",")
    known = [line.split()[0] for line in
             subprocess.run([args.binary, "--list"], stdout=subprocess.PIPE, check=True)
             .stdout.decode().splitlines()]
    unknown = [n for n in args.networks if n not in known] + \
        [m for m in args.modes if m not in ("train", "infer", "batch1")]
    if unknown or (args.show and not args.json):
        parser.error("unknown or out of range: %s" % " ".join(unknown or sys.argv[1:]))
    args.networks = args.networks or known
    return args


def main():
    args = arguments()
    about = machine.describe(options.chosen(args), args.pythons, args.onnxruntime)
    result = report.load(args.json, about)
    if not args.show:
        print(report.heading(args), flush=True)
        for name in args.networks:
            figures = result["networks"].setdefault(name, {})
            figures.update(compare(args, name))
            print(report.line(name, figures), flush=True)
            report.save(args.json, result)
    else:
        print(report.heading(args))
        for name, figures in result["networks"].items():
            print(report.line(name, figures))
    print(report.summary(result["networks"]))
    if args.record:
        report.record(os.path.join(HERE, "history.jsonl"), result)


if __name__ == "__main__":
    main()
