"""A network, timed: the PyTorch side of compare.sh. Answers the lines that network.c answers.

    pytorch_network.py NAME --load FILE [--channels-last]
    pytorch_network.py NAME --load FILE --export FOLDER    infer.onnx and batch1.onnx, x and y raw
"""
import argparse
import json
import os
import resource
import statistics
import sys
import time

import numpy
import torch
import torch.nn.functional as F

from pytorch_networks import NETWORKS

MAX_LOSSES = 3


def read_safetensors(path):
    with open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + length])
    dtypes = {"F16": numpy.float16, "F32": numpy.float32, "F64": numpy.float64,
              "I64": numpy.int64, "BOOL": numpy.bool_}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        array = numpy.frombuffer(data[8 + length + begin:8 + length + end], dtypes[entry["dtype"]])
        tensors[name] = torch.from_numpy(array.reshape(entry["shape"]).copy())
    return tensors


def loss_of(out, y):
    return F.mse_loss(out, y) if y.is_floating_point() else F.cross_entropy(out, y)


class Bench:
    def __init__(self, name, path):
        saved = read_safetensors(path)
        self.net = NETWORKS[name]()
        parameters = list(self.net.parameters())
        if len(parameters) != sum(key[0] == "p" for key in saved):
            sys.exit("%s: another number of parameters than in %s" % (name, path))
        with torch.no_grad():
            for i, parameter in enumerate(parameters):
                parameter.copy_(saved["p%03d" % i])
        self.x, self.y = saved["x"], saved["y"]
        self.optimizer = torch.optim.SGD(parameters, lr=saved["lr"].item(), momentum=0.9)

    def to_channels_last(self):
        order = {4: torch.channels_last, 5: torch.channels_last_3d}[self.x.dim()]
        self.net = self.net.to(memory_format=order)
        self.x = self.x.contiguous(memory_format=order)

    def step(self, mode):
        """The loss as a function, and the seconds of the step: the whole of it, or the forward pass
        alone."""
        if mode == "train":
            start = time.perf_counter()
            self.optimizer.zero_grad(set_to_none=True)
            loss = loss_of(self.net(self.x), self.y)
            loss.backward()
            self.optimizer.step()
            value = loss.item()
            return (lambda: value), time.perf_counter() - start
        x, y = (self.x, self.y) if mode == "infer" else (self.x[:1], self.y[:1])
        with torch.inference_mode():
            start = time.perf_counter()
            out = self.net(x)
            seconds = time.perf_counter() - start
        return (lambda: loss_of(out, y).item()), seconds

    def answer(self, mode, threads, warm_up, steps):
        torch.set_num_threads(threads)
        self.net.train(mode == "train")
        losses = []
        for i in range(warm_up):
            loss, _ = self.step(mode)
            if i < MAX_LOSSES:
                losses.append(loss())
        times = [self.step(mode)[1] for _ in range(steps)]
        return {"losses": losses, "ms": statistics.median(times) * 1e3,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}

    def export(self, folder):
        self.net.eval()
        for mode, x, y in (("infer", self.x, self.y), ("batch1", self.x[:1], self.y[:1])):
            path = os.path.join(folder, mode)
            torch.onnx.export(self.net, x, path + ".onnx", input_names=["x"], output_names=["y"])
            x.numpy().tofile(path + ".x")
            with open(path + ".json", "w") as file, torch.inference_mode():
                out = self.net(x)
                json.dump({"shape": list(x.shape), "loss": loss_of(out, y).item(),
                           "first": out.flatten()[:100].tolist()}, file)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=NETWORKS)
    parser.add_argument("--load", required=True)
    parser.add_argument("--export")
    parser.add_argument("--channels-last", action="store_true")
    args = parser.parse_args()
    bench = Bench(args.name, args.load)
    if args.export:
        bench.export(args.export)
        return
    if args.channels_last:
        bench.to_channels_last()
    for line in sys.stdin:
        mode, *numbers = line.split()
        print(json.dumps(bench.answer(mode, *map(int, numbers))), flush=True)


if __name__ == "__main__":
    main()
