#!/usr/bin/env python3
"""Writes optim.inc: what PyTorch's optimizers and schedulers do, for tests/test_optim.c.

Usage: python3 make_optim.py > optim.inc      (made with PyTorch 1.13)
"""
import torch

N, STEPS = 19, 20
SHOWN_STEPS = (1, 2, 20)
SHOWN = (0, 1, 7, 16, 18)

# name, class, options
TRAJECTORIES = [
  ("sgd", torch.optim.SGD, dict(lr=0.1)),
  ("sgd_weight_decay", torch.optim.SGD, dict(lr=0.1, weight_decay=0.1)),
  ("sgd_momentum", torch.optim.SGD, dict(lr=0.1, momentum=0.9)),
  ("sgd_dampening", torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.1)),
  ("sgd_nesterov", torch.optim.SGD, dict(lr=0.1, momentum=0.9, nesterov=True)),
  ("sgd_nesterov_maximize", torch.optim.SGD,
   dict(lr=0.1, momentum=0.9, weight_decay=0.1, nesterov=True, maximize=True)),
  ("adam", torch.optim.Adam, dict()),
  ("adam_weight_decay", torch.optim.Adam, dict(lr=0.1, weight_decay=0.1)),
  ("adam_amsgrad", torch.optim.Adam, dict(lr=0.1, betas=(0.8, 0.9), amsgrad=True)),
  ("adam_maximize", torch.optim.Adam,
   dict(lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1, amsgrad=True, maximize=True)),
  ("adamw", torch.optim.AdamW, dict(lr=0.1)),
  ("adamw_no_decay", torch.optim.AdamW, dict(lr=0.1, weight_decay=0)),
  ("adamw_amsgrad", torch.optim.AdamW,
   dict(lr=0.1, betas=(0.8, 0.9), weight_decay=0.2, amsgrad=True, maximize=True)),
]


def start(dtype):
  return torch.tensor([(i % 5 - 2) * 0.5 for i in range(N)], dtype=dtype)


def gradient(step, dtype):
  """Exact in binary, and falling, so that amsgrad differs."""
  scale = 2.0 ** -(step // 4)
  return torch.tensor([((i * 7 + step * 3) % 11 - 5) * 0.25 * scale for i in range(N)], dtype=dtype)


def trajectory(cls, options, dtype):
  p = start(dtype).requires_grad_()
  optimizer = cls([p], **options)
  rows = []
  for step in range(STEPS):
    p.grad = gradient(step, dtype)
    optimizer.step()
    if step + 1 in SHOWN_STEPS:
      rows.append([p[i].item() for i in SHOWN])
  return rows


def numbers(values):
  return "{" + ", ".join(f"{v:.17g}" for v in values) + "}"


def print_trajectories():
  print("static const trajectory trajectories[] = {")
  for name, cls, options in TRAJECTORIES:
    for dtype, text in ((torch.float32, "FV_FLOAT32"), (torch.float64, "FV_FLOAT64")):
      rows = ", ".join(numbers(r) for r in trajectory(cls, options, dtype))
      print(f'  {{"{name}", {text}, {{{rows}}}}},')
  print("};\n")


S = torch.optim.lr_scheduler
METRICS = [1.0, 0.9, 0.8, 0.8, 0.81, 0.79995, 0.8, 0.7, 0.71, 0.72]
# name, optimizer, lr, schedulers as functions of the optimizer
SCHEDULES = [
  ("step_lr", "sgd", lambda o: [S.StepLR(o, 7, gamma=0.5)]),
  ("multi_step_lr", "sgd", lambda o: [S.MultiStepLR(o, [5, 20, 5], gamma=0.3)]),
  ("exponential_lr", "sgd", lambda o: [S.ExponentialLR(o, 0.9)]),
  ("cosine_annealing_lr", "sgd", lambda o: [S.CosineAnnealingLR(o, 12, eta_min=0.001)]),
  ("cosine_annealing_lr_long", "sgd", lambda o: [S.CosineAnnealingLR(o, 50)]),
  ("linear_lr", "sgd", lambda o: [S.LinearLR(o)]),
  ("linear_lr_down", "sgd", lambda o: [S.LinearLR(o, 0.9, 0.2, total_iters=30)]),
  ("lambda_lr", "sgd", lambda o: [S.LambdaLR(o, lambda step: 1.0 / (1.0 + step))]),
  ("one_cycle_lr", "sgd", lambda o: [S.OneCycleLR(o, 0.4, total_steps=50)]),
  ("one_cycle_lr_linear", "sgd", lambda o: [S.OneCycleLR(
    o, 0.4, epochs=5, steps_per_epoch=12, pct_start=0.25, anneal_strategy="linear",
    base_momentum=0.8, max_momentum=0.9, div_factor=10.0, final_div_factor=100.0,
    three_phase=True)]),
  ("one_cycle_lr_adam", "adam", lambda o: [S.OneCycleLR(o, 0.4, total_steps=60)]),
  ("one_cycle_lr_fixed_momentum", "sgd", lambda o: [S.OneCycleLR(
    o, 0.4, total_steps=60, cycle_momentum=False)]),
  ("warm_up", "sgd", lambda o: [S.LinearLR(o, 0.1, total_iters=10), S.ExponentialLR(o, 0.95)]),
  ("plateau", "sgd", lambda o: [S.ReduceLROnPlateau(o, patience=2, factor=0.5, cooldown=1)]),
  ("plateau_max", "sgd", lambda o: [S.ReduceLROnPlateau(
    o, mode="max", patience=1, factor=0.2, threshold=0.05, threshold_mode="abs", min_lr=0.001)]),
]


def schedule(kind, make):
  p, q = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
  groups = [dict(params=[p]), dict(params=[q], lr=0.02)]
  if kind == "sgd":
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9)
  else:
    optimizer = torch.optim.Adam(groups, lr=0.1)
  schedulers = make(optimizer)
  rates, others, momenta = [], [], []
  for step in range(51):
    first = optimizer.param_groups[0]
    rates.append(first["lr"])
    others.append(optimizer.param_groups[1]["lr"])
    momenta.append(first["momentum"] if kind == "sgd" else first["betas"][0])
    if step == 50:
      break
    p.grad = torch.zeros(1)
    optimizer.step()
    for s in schedulers:
      if isinstance(s, S.ReduceLROnPlateau):
        s.step(METRICS[step % len(METRICS)])
      else:
        s.step()
  return rates, others, momenta


def print_schedules():
  print("static const schedule schedules[] = {")
  for name, kind, make in SCHEDULES:
    print(f'  {{"{name}", ' + ",\n   ".join(numbers(v) for v in schedule(kind, make)) + "},")
  print("};")


print("/* Made by make_optim.py; do not edit. */")
print_trajectories()
print_schedules()
