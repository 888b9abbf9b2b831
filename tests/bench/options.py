"""Options that the comparisons share, and what follows from them for the programs that take turns."""
import argparse
import os

from sides import Side

AVX2 = {"FOVEA_ISA": "avx2", "ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}


def add(parser, rounds, seconds):
    parser.add_argument("--binary", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", rounds)))
    parser.add_argument("--seconds", type=float, default=seconds, help="of a turn (%g)" % seconds)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--python", default=os.environ.get("PYTHON", "/usr/bin/python3"))
    parser.add_argument("--second-python", default=os.environ.get("PYTHON2"),
                        help="an interpreter with another PyTorch, whose better time counts")
    parser.add_argument("--old", help="the same program of another build, which takes turns too")
    parser.add_argument("--no-pytorch", action="store_true", help="Fovea alone, or with --old")
    parser.add_argument("--isa", help="avx2: both sides with these instructions at most")
    parser.add_argument("--exact", action="store_true", help="Fovea with exact convolution")
    parser.add_argument("--json", default=os.environ.get("JSON"),
                        help="a file for the figures; what it has of others stays")


def parse(parser):
    args = parser.parse_args()
    if args.rounds < 1 or args.threads < 1 or args.seconds < 0:
        parser.error("rounds and threads are at least 1")
    args.pythons = [] if args.no_pytorch else [args.python]
    if args.second_python and args.pythons:
        args.pythons.append(args.second_python)
    return args


def chosen(args):
    """What figures depend on."""
    return {"rounds": args.rounds, "threads": args.threads, "isa": args.isa or "best",
            "precision": "exact" if args.exact else "default"}


def environment(args, threads):
    env = {"FOVEA_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
    if args.isa:
        env.update(AVX2 if args.isa == "avx2" else {"FOVEA_ISA": args.isa})
    if args.exact:
        env["FOVEA_CONV_PRECISION"] = "exact"
    return env


def pytorch_sides(args, threads, orders, command):
    """Each interpreter, OpenMP's threads waiting actively and passively, each of the orders: "" or
    "--channels-last"."""
    sides = []
    for python in args.pythons:
        for wait in ("active", "passive") if threads > 1 else ("passive",):
            for order in orders:
                env = dict(environment(args, threads), OMP_WAIT_POLICY=wait)
                sides.append(Side("pytorch", [python] + command + order.split(), env))
                sides[-1].order = order
                sides[-1].config = " ".join([order[2:] or "contiguous", wait] +
                                            ([python] if len(args.pythons) > 1 else []))
    return sides
