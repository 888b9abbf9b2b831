"""Ops, timed: the PyTorch side of ops.sh. Answers "time" as ops.c does; "set" comes with what the list
of ops.c says, as JSON, and the file of inputs."""
import argparse
import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F  # noqa: F401, the expressions use it

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from pytorch_network import read_safetensors  # noqa: E402

GROUPS = 5


def in_channels_last(tensor):
    orders = {4: torch.channels_last, 5: torch.channels_last_3d}
    if tensor.dim() not in orders:
        return tensor
    return tensor.contiguous(memory_format=orders[tensor.dim()])


class Subject:
    def __init__(self, what, channels_last):
        saved = read_safetensors(what["file"])
        self.g = saved.pop("g")
        self.x = [saved[key] for key in sorted(saved)]
        if channels_last:
            self.x = [in_channels_last(x) for x in self.x]
            self.g = in_channels_last(self.g)
        names = ["x%d" % i for i in range(len(self.x))]
        self.optimizer = None
        if what["passes"] == ["step"]:
            self.x[0].requires_grad_(True).grad = self.g
            self.optimizer = eval(what["torch"], globals(), dict(zip(names, self.x)))
        else:
            self.call = eval("lambda %s: %s" % (", ".join(names), what["torch"]), globals())
            self.differentiable = what["differentiable"]

    def wanted(self, number):
        return [x for i, x in enumerate(self.x)
                if self.differentiable[i] and (number is None or i == number)]

    def ask_for_gradients(self, number):
        for x in self.x:
            if x.is_floating_point():
                x.requires_grad_(False)
        for x in self.wanted(number):
            x.requires_grad_(True)

    def result(self):
        y = self.call(*self.x)
        return y[0] if isinstance(y, tuple) else y

    def forward(self, steps):
        call, x = self.call, self.x
        with torch.inference_mode():
            start = time.perf_counter()
            for _ in range(steps):
                call(*x)
            return time.perf_counter() - start

    def step(self, steps):
        start = time.perf_counter()
        for _ in range(steps):
            self.optimizer.step()
        return time.perf_counter() - start

    def backward(self, number, steps, values=None):
        wanted, seconds = self.wanted(number), 0
        for _ in range(steps):
            y = self.result()
            start = time.perf_counter()
            grads = torch.autograd.grad(y, wanted, self.g)
            seconds += time.perf_counter() - start
            if values is not None:
                values += [magnitude(g) for g in grads]
        return seconds

    def run(self, name):
        """The pass as a function of a number of steps, and its value."""
        if name == "step":
            return self.step, magnitude(self.x[0].detach())
        if name == "forward":
            self.ask_for_gradients(-1)
            with torch.no_grad():
                return self.forward, magnitude(self.result())
        number = int(name[4:]) if name.startswith("grad") else None
        self.ask_for_gradients(number)
        values = []
        self.backward(number, 1, values)
        return lambda steps: self.backward(number, steps), sum(values)


def magnitude(tensor):
    return tensor.double().abs().mean().item()


def time_pass(subject, name, threads, warm_up, steps):
    torch.set_num_threads(threads)
    run, value = subject.run(name)
    if warm_up:
        run(warm_up)
    groups = min(steps, GROUPS)
    size = steps // groups
    return {"ms": statistics.median(run(size) / size for _ in range(groups)) * 1e3, "value": value}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    subject = None
    for line in sys.stdin:
        word, rest = line.split(" ", 1)
        try:
            if word == "set":
                subject = Subject(json.loads(rest), args.channels_last)
                answer = {}
            else:
                name, *numbers = rest.split()
                answer = time_pass(subject, name, *map(int, numbers))
        except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
            answer = {"error": str(error).split("\n")[0]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
