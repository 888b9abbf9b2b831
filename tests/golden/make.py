#!/usr/bin/python3
"""Evaluates the cases that golden_inputs writes with PyTorch and stores the results.

    golden_inputs | make.py DIRECTORY
    golden_inputs special | make.py DIRECTORY/special
    golden_inputs types | make.py DIRECTORY/types

writes DIRECTORY/<op>.txt: per case its name, its expression, a fingerprint of its inputs, the
outputs in float64 and, where they depend on an input that wants a gradient, the gradients for a
fixed output gradient (see fixed_gradient); one tensor a line, with 12 digits, so that a change can
be read in a diff. Of variants of a case the outputs have their types, 0*7 stands for seven zeros,
and what PyTorch refuses has the line "refused". Needs Debian's python3-torch. Cases come in and go
out in the same order; files without a case are removed.
"""
import itertools
import json
import os
import sys

import torch
import torch.nn.functional as F  # used by the expressions


def fixed_gradient(output, number):
    """The same numbers as fixed_gradient in tests/support_cases.c."""
    values = [(((k * 37 + 11 + 5 * number) % 64) - 31.5) / 32 for k in range(output.numel())]
    return torch.tensor(values, dtype=output.dtype).reshape(output.shape)


def make_input(stored):
    if stored is None:
        return None
    dtype = getattr(torch, stored['dtype'])
    tensor = torch.tensor(stored['data'], dtype=dtype).reshape(stored['shape'])
    return tensor.requires_grad_() if stored['grad'] else tensor


def evaluate(expression, inputs):
    names = {f'x{i}': tensor for i, tensor in enumerate(inputs)}
    result = eval(expression, {'torch': torch, 'F': F, **names})
    return list(result) if isinstance(result, (tuple, list)) else [result]


def value_text(value, digits):
    return str(int(value)) if isinstance(value, (bool, int)) else f'{value:.{digits}g}'


def tensor_line(label, tensor):
    """'output 0 [2,3] 1.5 -2 ...', also with inf and nan."""
    shape = ','.join(map(str, tensor.shape))
    values = tensor.detach().to(torch.float64).reshape(-1).tolist()
    return ' '.join([label, f'[{shape}]', *(value_text(v, 12) for v in values)])


def typed_line(label, tensor):
    """'output 0 float32 [2,3] 1.5 nan*5'."""
    shape = ','.join(map(str, tensor.shape))
    digits = 6 if tensor.dtype == torch.float32 else 9
    texts = [value_text(v, digits) for v in tensor.detach().reshape(-1).tolist()]
    groups = [(text, len(list(group))) for text, group in itertools.groupby(texts)]
    values = [text if n == 1 else f'{text}*{n}' for text, n in groups]
    return ' '.join([label, str(tensor.dtype).split('.')[1], f'[{shape}]', *values])


def gradient_lines(outputs, inputs, line):
    wanted = [(i, x) for i, x in enumerate(inputs) if x is not None and x.requires_grad]
    chosen = [(y, fixed_gradient(y, j)) for j, y in enumerate(outputs) if y.requires_grad]
    if not wanted or not chosen:
        return []
    found = torch.autograd.grad([y for y, _ in chosen], [x for _, x in wanted],
                                [g for _, g in chosen], allow_unused=True)
    return [line(f'gradient {i}', g) for (i, _), g in zip(wanted, found) if g is not None]


def run(case):
    """The lines of a case."""
    inputs = [make_input(x) for x in case['inputs']]
    outputs = evaluate(case['torch'], inputs)
    lines = [f"case {case['case']}", f"torch {case['torch']}", f"inputs {case['fingerprint']}"]
    lines += [tensor_line(f'output {j}', y) for j, y in enumerate(outputs)]
    return lines + (gradient_lines(outputs, inputs, tensor_line) if case['gradient'] else [])


def run_variant(case):
    """The same for a variant, which may be refused."""
    lines = [f"case {case['case']}: {case['variant']}", f"inputs {case['fingerprint']}"]
    inputs = [make_input(x) for x in case['inputs']]
    try:
        outputs = evaluate(case['torch'], inputs)
    except (RuntimeError, TypeError, IndexError, ValueError, NotImplementedError):
        return lines + ['refused by PyTorch']
    lines += [typed_line(f'output {j}', y) for j, y in enumerate(outputs)]
    return lines + (gradient_lines(outputs, inputs, typed_line) if case['gradient'] else [])


def write(path, cases):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join('\n'.join(lines) + '\n' for lines in cases))


def main():
    directory = sys.argv[1]
    ops = {}
    failed = 0
    torch.manual_seed(0)
    for line in sys.stdin:
        case = json.loads(line)
        try:
            lines = run_variant(case) if 'variant' in case else run(case)
            ops.setdefault(case['op'], []).append(lines)
        except Exception as error:  # a wrong expression: name it and go on
            failed += 1
            print(f"{case['op']}/{case['case']}: {case['torch']}: {error}", file=sys.stderr)
    os.makedirs(directory, exist_ok=True)
    for name in os.listdir(directory):
        if name.endswith('.txt') and name[:-4] not in ops:
            os.remove(os.path.join(directory, name))
    for op, cases in ops.items():
        write(os.path.join(directory, op + '.txt'), cases)
    print(f'{sum(map(len, ops.values()))} cases of {len(ops)} ops stored')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
