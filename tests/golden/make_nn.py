#!/usr/bin/env python3
"""Writes nn.inc: what PyTorch's modules print, are named and compute, for tests/test_nn.c.

Usage: python3 make_nn.py > nn.inc      (made with PyTorch 1.13)
"""
import torch
from torch import nn

MODELS = [
  ("images", (2, 3, 8, 10), lambda: nn.Sequential(
    nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 6, (3, 1), (1, 2), (2, 0), dilation=(2, 1), groups=2, padding_mode="reflect"),
    nn.LeakyReLU(0.1), nn.AvgPool2d(2, stride=1, padding=1, count_include_pad=False),
    nn.Sequential(nn.AdaptiveAvgPool2d((2, 3)), nn.Flatten(), nn.Dropout(0.0)),
    nn.Linear(36, 5), nn.LogSoftmax(1))),
  ("signals", (3, 2, 12), lambda: nn.Sequential(
    nn.Conv1d(2, 4, 4, padding="same", dilation=3), nn.BatchNorm1d(4, eps=1e-3, momentum=None),
    nn.Tanh(), nn.MaxPool1d(3, stride=2, padding=1), nn.AvgPool1d(2),
    nn.ConvTranspose1d(4, 2, 3, stride=2, output_padding=1), nn.Sigmoid(), nn.Identity(),
    nn.AdaptiveMaxPool1d(3), nn.Softmax(-1))),
  ("volumes", (2, 1, 5, 6, 7), lambda: nn.Sequential(
    nn.Conv3d(1, 2, 2, stride=(1, 2, 1)),
    nn.BatchNorm3d(2, affine=False), nn.SiLU(), nn.MaxPool3d(2, ceil_mode=True),
    nn.ConvTranspose3d(2, 4, (1, 2, 2), groups=2, bias=False, dilation=(1, 2, 1)), nn.ReLU6(),
    nn.AdaptiveAvgPool3d((1, 2, 2)), nn.ELU(0.5), nn.Flatten(2))),
  ("decoder", (2, 4, 3, 3), lambda: nn.Sequential(
    nn.BatchNorm2d(4, momentum=0.25, track_running_stats=False),
    nn.ConvTranspose2d(4, 2, (3, 2), (2, 1), 1, (1, 0)), nn.Softplus(2), nn.AvgPool2d((2, 1)),
    nn.Hardtanh(-0.5, 0.75), nn.Flatten(1, 2), nn.GELU(), nn.Linear(2, 3, bias=False))),
]


def fill(shape, number):
  count = torch.Size(shape).numel()
  values = [((i * 7 + number * 3) % 11 - 5) / 16 for i in range(count)]
  return torch.tensor(values, dtype=torch.float64).reshape(shape)


def weights(count):
  return torch.tensor([((i * 5) % 7 - 3) / 8 for i in range(count)], dtype=torch.float64)


def digest(t):
  """One number that depends on every element."""
  flat = t.detach().double().reshape(-1)
  return (flat * weights(flat.numel())).sum().item()


def numbers(values):
  return "{" + ", ".join(f"{v:.12g}" for v in values) + "}"


def quote(text):
  return '"' + text.replace("\n", "\\n") + '"'


def describe(name, shape, make):
  net = make()
  text = str(net)
  names = " ".join(net.state_dict())
  net.double()
  with torch.no_grad():
    for k, p in enumerate(net.parameters()):
      p.copy_(fill(p.shape, k))
  outputs = [net(fill(shape, 1)), net(fill(shape, 4))]
  (outputs[1].reshape(-1) * weights(outputs[1].numel())).sum().backward()
  net.eval()
  outputs.append(net(fill(shape, 1)))
  digests = [digest(y) for y in outputs]
  shown = [y.reshape(-1)[1].item() for y in outputs]
  grads = [digest(p.grad) for p in net.parameters()]
  buffers = [digest(b + 1) for b in net.buffers()]
  print(f'  {{"{name}", {quote(names)},\n   {quote(text)},')
  print(f"   {numbers(digests)}, {numbers(shown)}, {len(grads)}, {numbers(grads)}, "
        f"{len(buffers)}, {numbers(buffers or [0])}}},")


print("/* Made by make_nn.py; do not edit. */")
print("static const golden_model golden_models[] = {")
for model in MODELS:
  describe(*model)
print("};")
