"""What stands beside figures: the machine, the versions, the commit."""
import datetime
import json
import os
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


def output(*command):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=HERE,
                              check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode().strip()


def cpu():
    with open("/proc/cpuinfo") as file:
        text = file.read()
    flags = set((re.search(r"^(?:flags|Features)\s*: (.*)$", text, re.M) or ["", ""])[1].split())
    name = re.search(r"^model name\s*: (.*)$", text, re.M)
    numbers = [re.search(r"^%s\s*: (\d+)$" % key, text, re.M)
               for key in ("cpu family", "model", "stepping")]
    return {"model": name[1] if name else "",
            "family_model_stepping": "/".join(n[1] for n in numbers if n),
            "cores": os.cpu_count(),
            "isa": " ".join(sorted(flags & {"avx", "avx2", "fma", "avx512f", "avx512vl", "amx_tile",
                                            "avx512_fp16", "asimd", "sve"}))}


def describe(options, pythons, onnxruntime):
    """The beginning of a line of the history."""
    versions = {"compiler": output("cc", "--version").split("\n")[0]}
    for i, python in enumerate(pythons):
        versions["pytorch" if i == 0 else "pytorch%d" % (i + 1)] = output(
            python, "-c", "import torch; print(torch.__version__)")
    if onnxruntime:
        with open(os.path.join(onnxruntime, "package.json")) as file:
            versions["onnxruntime"] = json.load(file)["version"]
    changed = output("git", "status", "--porcelain", "--untracked-files=no")
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "commit": output("git", "rev-parse", "--short=12", "HEAD") + ("+" if changed else ""),
            "machine": cpu(), "versions": versions, "options": options}
