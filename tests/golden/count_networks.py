#!/usr/bin/python3
"""Parameters, multiply-adds and output shapes of the networks of tests/bench, counted by PyTorch's
modules as they run, for a batch of one:

    tests/golden/count_networks.py > tests/golden/networks.list

A line is: name, parameters, multiply-adds, additions of a bias, output shape."""
import os
import sys

import torch
import torch.nn as nn

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(root, "tests", "bench"))
from pytorch_networks import NETWORKS  # noqa: E402

INPUTS = {"dcgan_g": (100, 1, 1), "unet": (3, 128, 128), "m5": (1, 8000), "wavenet": (1, 4096),
          "c3d": (3, 8, 56, 56), "alexnet": (3, 224, 224), "mlp": (784,)}
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def count(net, shape):
    work = [0, 0]

    def hook(module, inputs, output):
        if isinstance(module, CONVOLUTIONS):
            work[0] += output.numel() * module.weight[0].numel()
        elif isinstance(module, TRANSPOSED):
            work[0] += inputs[0].numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            work[0] += output.numel() * module.in_features
        if getattr(module, "bias", None) is not None and not isinstance(
                module, nn.modules.batchnorm._BatchNorm):
            work[1] += output.numel()

    for module in net.modules():
        module.register_forward_hook(hook)
    with torch.no_grad():
        y = net.eval()(torch.zeros(1, *shape))
    return sum(p.numel() for p in net.parameters()), work[0], work[1], tuple(y.shape)


for name, make in NETWORKS.items():
    parameters, products, additions, shape = count(make(), INPUTS.get(name, (3, 32, 32)))
    print(name, parameters, products, additions, "[%s]" % ",".join(map(str, shape)))
