"""The table of compare.sh, its file of figures and its history."""
import json
import math
import os

# Column, mode, threads (None: as told). Inference first: see compare.py.
COLUMNS = (("batch1", "batch1", None), ("batch1_1t", "batch1", 1), ("infer", "infer", None),
           ("train", "train", None))
RIVALS = ("old", "pytorch", "onnxruntime")


def load(path, about):
    """What a file has of networks so far, under the description of this run."""
    result = dict(about, networks={})
    if path and os.path.exists(path):
        with open(path) as file:
            found = json.load(file)
        if found["commit"] != about["commit"] or found["options"] != about["options"]:
            raise SystemExit("%s has figures of another commit or other options" % path)
        result["networks"] = found["networks"]
        result["versions"].update(found["versions"])
    return result


def save(path, result):
    if path:
        with open(path, "w") as file:
            json.dump(result, file, indent=1)


def record(path, result):
    result["summary"] = {"%s/%s" % key: value for key, value in totals(result["networks"]).items()}
    with open(path, "a") as file:
        file.write(json.dumps(result) + "\n")


def ratio(figures, rival):
    return figures[rival]["ms"] / figures["fovea"]["ms"]


def heading(args):
    return ("# milliseconds: fovea/rival=ratio for each rival (pytorch unless named); peak memory in MB, "
            "fovea/pytorch\n# %d threads, %d rounds, ISA %s%s"
            % (args.threads, args.rounds, args.isa or "best", ", exact" if args.exact else ""))


def line(name, figures):
    """resnet20  train 140.1/199.2=1.42  infer ...  peak 234/539"""
    words = ["%-9s" % name]
    for column, _, _ in COLUMNS[::-1]:
        if column not in figures:
            continue
        here = figures[column]
        text = "%s %.4g" % (column, here["fovea"]["ms"])
        for rival in RIVALS:
            if rival in here:
                text += "/%s%.4g=%.2f" % ("" if rival == "pytorch" else rival + " ",
                                          here[rival]["ms"], ratio(here, rival))
        if column in ("train", "infer") and "pytorch" in here:
            text += " peak %.0f/%.0f" % (here["fovea"]["peak_mb"], here["pytorch"]["peak_mb"])
        words.append(text)
    return "  ".join(words)


def totals(networks):
    """(column, rival) -> geomean, min and where it is."""
    found = {}
    for column, _, _ in COLUMNS[::-1]:
        for rival in RIVALS:
            ratios = {name: ratio(figures[column], rival) for name, figures in networks.items()
                      if rival in figures.get(column, {})}
            if ratios:
                worst = min(ratios, key=ratios.get)
                mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
                found[column, rival] = {"geomean": round(mean, 3), "min": round(ratios[worst], 3),
                                        "worst": worst, "networks": len(ratios)}
    return found


def summary(networks):
    return "\n".join("# %s against %s: geomean %.2f min %.2f (%s) over %d"
                     % (column, rival, t["geomean"], t["min"], t["worst"], t["networks"])
                     for (column, rival), t in totals(networks).items())
