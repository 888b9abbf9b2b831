"""Every op and the layers of well-known networks: Fovea against PyTorch in turn; called by ops.sh.

A line a pass: microseconds of Fovea, GFLOP/s with its share of the peak, or GB/s with its share of a copy
of as many bytes (both peaks are measured first), PyTorch's microseconds in the best of its
configurations, ratio = PyTorch / Fovea. GB/s count every input and result once, of a backward pass the
gradient of the result and those of the inputs. The list ends with what is slower than PyTorch.
"""
import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import machine  # noqa: E402
import options  # noqa: E402
from sides import Side, in_turn  # noqa: E402

SLOW = 0.95
TOLERANCE = 5e-3  # of the mean magnitude of results
UNEQUAL = ("dropout", "dropout2d", "sgd", "sgd_momentum", "adam", "adamw", "prod")


def arguments():
    parser = argparse.ArgumentParser(prog="ops.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="words, one of which is in family, op or name: "
                        "conv,softmax; a family and an op: conv/conv2d")
    parser.add_argument("--size", type=int, help="about so many elements alone, or 0: own sizes")
    parser.add_argument("--passes", default="forward,backward,grad0,grad1,step")
    parser.add_argument("--list", action="store_true", help="run nothing: what there is")
    options.add(parser, rounds=3, seconds=0.02)
    return options.parse(parser)


def title(what):
    """conv/conv2d 32, 32^2, 64 to 64, 3x3/1"""
    words = ["%s/%s" % (what["family"], what["op"]), what["name"]]
    if what["dtype"] != "float32":
        words.append(what["dtype"])
    if what["n"]:
        words.append("%.0e" % what["n"])
    return " ".join(word for word in words if word).replace("e+0", "e")


def chosen(args):
    lines = subprocess.run([args.binary, "--list"], stdout=subprocess.PIPE, check=True).stdout
    words = [word for word in args.only.split(",") if word]
    for line in lines.decode().splitlines():
        what = json.loads(line)
        if words and not any(word in title(what) for word in words):
            continue
        if args.size is None or abs(what["n"] - args.size) <= args.size / 2:
            yield what


def start_sides(args):
    env = options.environment(args, args.threads)
    sides = [Side("fovea", [args.binary], env)]
    if args.old:
        sides.append(Side("old", [args.old], env))
    for side in sides:
        side.config, side.order = "", ""
    return sides + options.pytorch_sides(args, args.threads, ["", "--channels-last"],
                                         [os.path.join(HERE, "pytorch_ops.py")])


def set_up(what, sides, path):
    """Gives what the sides are asked to do, and those that can."""
    said = sides[0].ask("set", what["number"], path)
    able = [sides[0]]
    for side in sides[1:]:
        if side.name == "old":
            side.ask("set", what["number"], path + ".old")
        elif side.order and not what["ordered"]:
            continue
        elif "error" in side.ask("set", json.dumps(dict(what, **said, file=path))):
            continue
        able.append(side)
    return said, able


def agree(what, pass_name, first):
    values = {side.name: said["value"] for side, said in first.items()}
    mine = values["fovea"]
    return what["op"] in UNEQUAL or "pytorch" not in values or \
        abs(mine - values["pytorch"]) <= TOLERANCE * max(abs(mine), abs(values["pytorch"]), 1e-6)


def measure(args, what, pass_name, sides):
    """Milliseconds by the name of the side, and the configuration of the best PyTorch."""
    first = {side: side.ask("time", pass_name, args.threads, 1, 3) for side in sides}
    sides = [side for side in sides if "error" not in first[side]]
    first = {side: first[side] for side in sides}
    if not agree(what, pass_name, first):
        print("# %s %s: other results than PyTorch: %s" % (title(what), pass_name, {
            side.name: said["value"] for side, said in first.items()}))

    def turn(side):
        steps = max(3, min(20000, round(args.seconds * 1e3 / max(first[side]["ms"], 1e-4))))
        return side.ask("time", pass_name, args.threads, max(1, steps // 10), steps)["ms"]

    figures = {}
    for side, times in in_turn(sides, args.rounds, turn).items():
        ms = statistics.median(times)
        if side.name not in figures or ms < figures[side.name]:
            figures[side.name] = ms
            if side.name == "pytorch":
                figures["config"] = side.config
    return figures


def rate(what, said, pass_name, ms, peaks):
    """(amount, unit, share of the peak)"""
    if said["flops"]:
        flops = said["flops"] * (2 if pass_name == "backward" else 1)
        gflops = flops / ms * 1e-6
        return gflops, "GFLOP/s", gflops / peaks["gflops"]
    moved = said["in_bytes"] + said["out_bytes"] * (2 if pass_name == "step" else 1)
    near = min(peaks["copy_gbs"], key=lambda size: abs(math.log(int(size) * 2 / moved)))
    gbs = moved / ms * 1e-6
    return gbs, "GB/s", gbs / peaks["copy_gbs"][near]


def line(result):
    text = "%-58s %-8s %10.2f us %7.1f %-7s %4.0f%%" % (
        result["title"], result["pass"], result["fovea"] * 1e3, result["rate"], result["unit"],
        result["share"] * 100)
    for rival in ("pytorch", "old"):
        if rival in result:
            text += "  %s %.2f us = %.2f" % (rival, result[rival] * 1e3, result[rival] / result["fovea"])
    return text


def measured(args, peaks):
    sides = start_sides(args)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for what in chosen(args):
                said, able = set_up(what, sides, os.path.join(folder, "inputs"))
                for pass_name in said["passes"]:
                    if pass_name not in args.passes.split(","):
                        continue
                    figures = measure(args, what, pass_name, able)
                    amount, unit, share = rate(what, said, pass_name, figures["fovea"], peaks)
                    yield dict(figures, title=title(what), family=what["family"], rate=amount,
                               unit=unit, share=share, **{"pass": pass_name})
    finally:
        for side in sides:
            side.end()


def summary(results, rival):
    """Geomeans by family, then what is slower than the rival."""
    families = {}
    slow = []
    for result in results:
        if rival not in result:
            continue
        ratio = result[rival] / result["fovea"]
        families.setdefault(result["family"], []).append(ratio)
        if ratio < SLOW:
            slow.append((ratio, result))
    for family, ratios in families.items():
        print("# %s against %s: geomean %.2f min %.2f over %d" % (
            family, rival, math.exp(sum(map(math.log, ratios)) / len(ratios)), min(ratios), len(ratios)))
    count = sum(map(len, families.values()))
    if count:
        print("# slower than %s (ratio < %.2f): %d of %d" % (rival, SLOW, len(slow), count))
    for ratio, result in sorted(slow, key=lambda pair: pair[0]):
        print("%.2f  %s" % (ratio, line(result)))


def main():
    args = arguments()
    if args.list:
        for what in chosen(args):
            print(title(what))
        return
    env = dict(os.environ, **options.environment(args, args.threads))
    peaks = json.loads(subprocess.run([args.binary, "--peaks", str(args.threads)], env=env, check=True,
                                      stdout=subprocess.PIPE).stdout.decode())
    print("# %d threads: %.0f GFLOP/s, copies at %s GB/s" % (args.threads, peaks["gflops"], ", ".join(
        "%s KB %.0f" % (int(size) // 1024, gbs) for size, gbs in peaks["copy_gbs"].items())))
    results = {}
    if args.json and os.path.exists(args.json):
        with open(args.json) as file:
            results = {(r["title"], r["pass"]): r for r in json.load(file)["results"]}
    for result in measured(args, peaks):
        print(line(result), flush=True)
        results[result["title"], result["pass"]] = result
    for rival in ("pytorch", "old"):
        summary(results.values(), rival)
    if args.json:
        about = machine.describe(options.chosen(args), args.pythons, None)
        with open(args.json, "w") as file:
            json.dump(dict(about, peaks=peaks, results=list(results.values())), file, indent=1)


if __name__ == "__main__":
    main()
