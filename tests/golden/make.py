#!/usr/bin/python3
"""Evaluates the cases that golden_inputs writes with PyTorch and stores the results.

    golden_inputs | make.py DIRECTORY

writes DIRECTORY/<op>.txt: per case its name, its expression, a fingerprint of its inputs, the outputs
in float64 and, where they depend on an input that wants a gradient, the gradients for a fixed output
gradient (see fixed_gradient); one tensor a line, with 12 digits, so that a change can be read in a
diff. Needs Debian's python3-torch. Cases come in and go out in the same order; files without a case
are removed.
"""
import json
import os
import sys

import torch
import torch.nn.functional as F  # used by the expressions

TYPES = {'index': torch.int64, 'mask': torch.bool}


def fixed_gradient(output, number):
    """The same numbers as fixed_gradient in tests/support_cases.c."""
    values = [(((k * 37 + 11 + 5 * number) % 64) - 31.5) / 32 for k in range(output.numel())]
    return torch.tensor(values, dtype=output.dtype).reshape(output.shape)


def make_input(stored):
    if stored is None:
        return None
    dtype = TYPES.get(stored['kind'], torch.float64)
    tensor = torch.tensor(stored['data'], dtype=torch.float64).reshape(stored['shape']).to(dtype)
    return tensor.requires_grad_() if stored['kind'] == 'variable' else tensor


def evaluate(expression, inputs):
    names = {f'x{i}': tensor for i, tensor in enumerate(inputs)}
    result = eval(expression, {'torch': torch, 'F': F, **names})
    return list(result) if isinstance(result, (tuple, list)) else [result]


def tensor_line(label, tensor):
    """'output 0 [2,3] 1.5 -2 ...', also with inf and nan."""
    shape = ','.join(map(str, tensor.shape))
    values = tensor.detach().to(torch.float64).reshape(-1).tolist()
    return ' '.join([label, f'[{shape}]', *(f'{v:.12g}' for v in values)])


def gradient_lines(outputs, inputs):
    wanted = [(i, x) for i, x in enumerate(inputs) if x is not None and x.requires_grad]
    chosen = [(y, fixed_gradient(y, j)) for j, y in enumerate(outputs) if y.requires_grad]
    if not wanted or not chosen:
        return []
    found = torch.autograd.grad([y for y, _ in chosen], [x for _, x in wanted],
                                [g for _, g in chosen], allow_unused=True)
    return [tensor_line(f'gradient {i}', g) for (i, _), g in zip(wanted, found) if g is not None]


def run(case):
    """The lines of a case."""
    inputs = [make_input(x) for x in case['inputs']]
    outputs = evaluate(case['torch'], inputs)
    lines = [f"case {case['case']}", f"torch {case['torch']}", f"inputs {case['fingerprint']}"]
    lines += [tensor_line(f'output {j}', y) for j, y in enumerate(outputs)]
    return lines + (gradient_lines(outputs, inputs) if case['gradient'] else [])


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
            ops.setdefault(case['op'], []).append(run(case))
        except Exception as error:  # a wrong expression: name it and go on
            failed += 1
            print(f"{case['op']}/{case['case']}: {case['torch']}: {error}", file=sys.stderr)
    for name in os.listdir(directory):
        if name.endswith('.txt') and name[:-4] not in ops:
            os.remove(os.path.join(directory, name))
    for op, cases in ops.items():
        write(os.path.join(directory, op + '.txt'), cases)
    print(f'{sum(map(len, ops.values()))} cases of {len(ops)} ops stored')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
