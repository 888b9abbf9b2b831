#!/usr/bin/env python3
"""Writes dtypes.inc: how PyTorch promotes and converts element types, for tests/test_dtypes.c.

Usage: python3 make_dtypes.py > dtypes.inc      (made with PyTorch 1.13)
"""
import struct

import torch

NAMES = "bool uint8 int32 int64 float32 float64 int8 int16 float16 bfloat16".split()
DTYPES = {name: getattr(torch, name) for name in NAMES}

# All are float32 numbers: PyTorch rounds a float64 twice on its way to the 16-bit types.
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.75, 0.1, 1 / 3, 3.14159265, 255.0, 256.0, 1000.0, -32768.0,
           65504.0, 65519.996, 65520.0, -65520.0, 65536.0, 1e5, 1e10, -1e30, 3.4e38, float("inf"),
           2.0**-14, 2.0**-15, 2.0**-24, 2.0**-25, 1.0000001 * 2.0**-25, 3 * 2.0**-25, 1e-5, 6.1e-5,
           -5.97e-8, 1e-8, 1e-40, 2.0**-133, 2.0**-134, 3 * 2.0**-134, 1 + 2.0**-8, 1 + 3 * 2.0**-8,
           1 + 2.0**-11, 1 + 3 * 2.0**-11, 1 + 2.0**-11 + 2.0**-23, 2049.0, 2051.0, 257.0, 259.0]
WHOLE = [0, 1, -1, 7, 127, 128, -128, -129, 255, 256, 300, 32767, 32768, -32769, 65535, 65536, 70000,
         2**31 - 1, 2**31, -2**31, -2**31 - 1, 2**53, 2**53 + 1, -2**53 - 1, 2**63 - 1, -2**63]


def enum(dtype):
  return "FV_" + str(dtype).split(".")[1].upper()


def bits(tensor):
  return tensor.view(torch.int16).item() & 0xffff


def promotion(a, b):
  with_dims, without = torch.zeros(2, dtype=a), torch.zeros((), dtype=b)
  return torch.promote_types(a, b), torch.result_type(with_dims, without)


def integer(value):
  return "INT64_MIN" if value == -2**63 else f"INT64_C({value})"


print("/* Made by make_dtypes.py; do not edit. */")
print("static const golden_pair golden_pairs[] = {")
for a in DTYPES.values():
  for b in DTYPES.values():
    promoted, result = promotion(a, b)
    print(f"  {{{enum(a)}, {enum(b)}, {enum(promoted)}, {enum(result)}}},")
print("};\nstatic const golden_number golden_numbers[] = {")
for number in NUMBERS:
  x = torch.tensor(number, dtype=torch.float32)
  half, brain = bits(x.half()), bits(x.bfloat16())
  image = struct.unpack("<I", struct.pack("<f", x.item()))[0]
  print(f"  {{0x{image:08x}, 0x{half:04x}, 0x{brain:04x}}}, /* {x.item():.9g} */")
print("};\nstatic const golden_integer golden_integers[] = {")
for number in WHOLE:
  x = torch.tensor(number, dtype=torch.int64)
  narrow = [x.to(DTYPES[name]).item() for name in ("uint8", "int8", "int16", "int32")]
  print(f"  {{{integer(number)}, {{{', '.join(integer(v) for v in narrow)}}}}},")
print("};")
