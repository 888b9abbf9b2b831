#!/usr/bin/env python3
"""Writes views.programs: random programs of views and writes in place, with the gradients that PyTorch
gives them, for tests/test_views.c.

Usage: python3 make_views.py [PROGRAMS [SEED]] > views.programs      (made with PyTorch 1.13)

A line is an instruction: its name, the register of the result, registers a and b (-1: none), and
numbers. "!" in front: refused. The last line of a program names the registers of the loss, then come
the value of the loss and the first and second gradients of each leaf, or the word error.
"""
import math
import random
import sys
import warnings

import torch

warnings.filterwarnings("ignore")
PROGRAMS = int(sys.argv[1]) if len(sys.argv) > 1 else 160
random.seed(int(sys.argv[2]) if len(sys.argv) > 2 else 6)
SHAPES = [(2, 3), (3,), (2, 2, 3), (4,), (1, 3), (3, 2)]


def pattern(shape, k):
  n = math.prod(shape)
  values = [((i * 7 + k * 5 + 3) % 13 - 6) / 4 for i in range(n)]
  return torch.tensor(values, dtype=torch.float64).reshape(shape).clone()  # no view


OUT_OF_PLACE = {
  "mul": lambda a, b, n: a * b,
  "add": lambda a, b, n: a + b,
  "tanh": lambda a, b, n: a.tanh(),
  "sin": lambda a, b, n: a.sin(),
  "mul_number": lambda a, b, n: a * (n[0] / 4),
}
VIEWS = {
  "select": lambda a, b, n: a.select(n[0], n[1]),
  "slice": lambda a, b, n: a[(slice(None),) * n[0] + (slice(n[1], n[2], n[3]),)],
  "transpose": lambda a, b, n: a.transpose(n[0], n[1]),
  "unsqueeze": lambda a, b, n: a.unsqueeze(n[0]),
  "view": lambda a, b, n: a.view(n),
  "expand": lambda a, b, n: a.expand(n),
  "detach": lambda a, b, n: a.detach(),
}
IN_PLACE = {
  "mul_": lambda a, b, n: a.mul_(b),
  "add_": lambda a, b, n: a.add_(b),
  "copy_": lambda a, b, n: a.copy_(b),
  "mul_number_": lambda a, b, n: a.mul_(n[0] / 4),
  "fill_": lambda a, b, n: a.fill_(n[0] / 4),
  "sin_": lambda a, b, n: a.sin_(),
  "tanh_": lambda a, b, n: a.tanh_(),
  "relu_": lambda a, b, n: a.relu_(),
}
ALL = {**OUT_OF_PLACE, **VIEWS, **IN_PLACE}
BINARY = ("mul", "add", "mul_", "add_", "copy_")


def view_numbers(name, t):
  dims = len(t.shape)
  if name == "select":
    dim = random.randrange(dims)
    return [dim, random.randrange(t.shape[dim])]
  if name == "slice":
    dim = random.randrange(dims)
    start = random.randrange(t.shape[dim])
    return [dim, start, random.randint(start + 1, t.shape[dim]), random.randint(1, 2)]
  if name == "transpose":
    return [random.randrange(dims), random.randrange(dims)]
  if name == "unsqueeze":
    return [random.randint(0, dims)]
  if name == "view":
    n = t.numel()
    return random.choice([[n], [1, n]] + [[k, n // k] for k in range(2, n) if n % k == 0])
  if name == "expand":
    return [random.choice([1, 2])] + [random.choice([2, 3]) if s == 1 else s for s in t.shape]
  return []


def places(t):
  """The elements of its memory that a tensor shows."""
  found = [t.storage_offset()]
  for size, stride in zip(t.shape, t.stride()):
    found = [p + i * stride for p in found for i in range(size)]
  return found


def goes_with(a, b, in_place):
  """May a take b as an operand? In place b is broadcast, and is a itself or lies elsewhere."""
  try:
    shape = torch.broadcast_shapes(a.shape, b.shape)
  except RuntimeError:
    return False
  if not in_place:
    return math.prod(shape) <= 16
  apart = a.storage().data_ptr() != b.storage().data_ptr() or not set(places(a)) & set(places(b))
  return shape == a.shape and (a is b or apart)


def choose(registers):
  """An instruction: name, a, b, numbers."""
  kind = random.choice([OUT_OF_PLACE, VIEWS, VIEWS, IN_PLACE, IN_PLACE])
  name = random.choice(list(kind))
  a = random.randrange(len(registers))
  t = registers[a]
  if name in ("select", "slice", "transpose") and len(t.shape) == 0:
    return None
  if name == "detach" and random.random() < 0.7:
    return None
  if name in VIEWS and t.numel() > 16:
    return None
  if name in IN_PLACE and len(set(places(t))) < t.numel():
    return None  # expanded
  b = -1
  if name in BINARY:
    others = [i for i, u in enumerate(registers) if goes_with(t, u, kind is IN_PLACE)
              and not (name == "mul_" and u is t)]  # refused there, right here
    if not others:
      return None
    b = random.choice(others)
  if name in VIEWS:
    numbers = view_numbers(name, t)
  else:
    numbers = [random.choice([-3, -2, 2, 5, 6])] if name in ("mul_number", "mul_number_", "fill_") else []
  return name, a, b, numbers


def run(name, registers, a, b, numbers, quiet):
  registers[a].grad_fn  # else PyTorch takes some stale views for leaves
  with torch.set_grad_enabled(not quiet):
    return ALL[name](registers[a], registers[b] if b >= 0 else None, numbers)


def program():
  registers, lines, leaves = [], [], []
  for k in range(random.randint(3, 4)):
    shape = random.choice(SHAPES)
    wants = k < 2
    registers.append(pattern(shape, k).requires_grad_(wants))
    leaves += [k] if wants else []
    lines.append(f"{'leaf' if wants else 'constant'} {k} -1 -1 {' '.join(map(str, shape))}")
  registers.append(registers[random.randrange(2)] * 1.0)
  at = [i for i in range(2) if registers[i].shape == registers[-1].shape
        and torch.equal(registers[i], registers[-1])][0]
  lines.append(f"mul_number {len(registers) - 1} {at} -1 4")
  for _ in range(random.randint(4, 16)):
    chosen = choose(registers)
    if not chosen or len(registers) > 20:
      continue
    name, a, b, numbers = chosen
    quiet = random.random() < 0.04 and name in IN_PLACE
    dst = a if name in IN_PLACE else len(registers)
    text = f"{'quiet ' if quiet else ''}{name} {dst} {a} {b} {' '.join(map(str, numbers))}"
    try:
      result = run(name, registers, a, b, numbers, quiet)
    except RuntimeError:
      if name == "view" or random.random() < 0.7:
        continue
      lines.append("! " + text.strip())
      continue
    if name not in IN_PLACE:
      registers.append(result)
    lines.append(text.strip())
  return registers, lines, leaves


def weights(t):
  values = [((i * 5 + 2) % 7 - 3) / 4 for i in range(t.numel())]
  return torch.tensor(values, dtype=torch.float64).reshape(t.shape)


def numbers_text(t):
  return "none" if t is None else " ".join(f"{v:.9g}" for v in t.detach().flatten().tolist())


def finish(registers, lines, leaves):
  """Lines of the loss and the gradients, or None when there is nothing to differentiate."""
  last = len(registers) - 1
  used = sorted({last, *random.sample(range(last + 1), min(3, last + 1))})
  loss = sum((registers[i] * weights(registers[i])).sum() for i in used)
  if not loss.requires_grad or not math.isfinite(loss.item()) or abs(loss.item()) > 1e4:
    return None
  inputs = [registers[i] for i in leaves]
  end = lines + [f"loss {' '.join(map(str, used))}"]
  try:
    first = torch.autograd.grad(loss, inputs, create_graph=True, allow_unused=True)
    wanted = [g for g in first if g is not None and g.requires_grad]
    second = [None] * len(inputs)
    if wanted:
      total = sum((g * g).sum() for g in wanted)
      second = torch.autograd.grad(total, inputs, allow_unused=True)
  except RuntimeError:
    return end + ["error"]
  for g in first:
    if g is not None and not g.abs().max() < 1e5:
      return None
  for g in second:
    if g is not None and not g.abs().max() < 1e8:
      return None
  end.append(f"value {loss.item():.9g}")
  end += [f"first {numbers_text(g)}" for g in first]
  end += [f"second {numbers_text(g)}" for g in second]
  return end


def main():
  made = 0
  while made < PROGRAMS:
    lines = finish(*program())
    written = lines and any("_ " in line and "number " not in line for line in lines)
    if not written or (lines[-1] == "error" and random.random() < 0.7):
      continue
    print(f"program {made}")
    print("\n".join(lines))
    made += 1


main()
