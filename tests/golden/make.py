#!/usr/bin/python3
"""Evaluates the cases that golden_inputs writes with PyTorch and stores the results.

    golden_inputs | make.py DIRECTORY

writes DIRECTORY/<op>.json: per case the outputs in float64 and, where they depend on an input that
wants a gradient, the gradients for a fixed output gradient (see fixed_gradient). Needs Debian's
python3-torch. Cases come in and go out in the same order; files without a case are removed.
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


def numbers(tensor):
    """JSON has no infinities: they become texts."""
    flat = tensor.detach().to(torch.float64).reshape(-1).tolist()
    return [v if v == v and abs(v) != float('inf') else str(v) for v in flat]


def gradients(outputs, inputs):
    wanted = [x for x in inputs if x is not None and x.requires_grad]
    chosen = [(y, fixed_gradient(y, j)) for j, y in enumerate(outputs) if y.requires_grad]
    if not wanted or not chosen:
        return None
    found = iter(torch.autograd.grad([y for y, _ in chosen], wanted, [g for _, g in chosen],
                                     allow_unused=True))
    result = []
    for x in inputs:
        gradient = next(found) if x is not None and x.requires_grad else None
        result.append(None if gradient is None else numbers(gradient))
    return result


def run(case):
    inputs = [make_input(x) for x in case['inputs']]
    outputs = evaluate(case['torch'], inputs)
    return {
        'fingerprint': case['fingerprint'],
        'torch': case['torch'],
        'outputs': [{'shape': list(y.shape), 'data': numbers(y)} for y in outputs],
        'gradients': gradients(outputs, inputs) if case['gradient'] else None,
    }


def write(path, op, cases):
    with open(path, 'w', encoding='utf-8') as file:
        file.write('{"op": %s, "cases": {\n' % json.dumps(op))
        lines = [f'{json.dumps(name)}: {json.dumps(case)}' for name, case in cases.items()]
        file.write(',\n'.join(lines) + '\n}}\n')


def main():
    directory = sys.argv[1]
    ops = {}
    failed = 0
    torch.manual_seed(0)
    for line in sys.stdin:
        case = json.loads(line)
        try:
            ops.setdefault(case['op'], {})[case['case']] = run(case)
        except Exception as error:  # a wrong expression: name it and go on
            failed += 1
            print(f"{case['op']}/{case['case']}: {case['torch']}: {error}", file=sys.stderr)
    for name in os.listdir(directory):
        if name.endswith('.json') and name[:-5] not in ops:
            os.remove(os.path.join(directory, name))
    for op, cases in ops.items():
        write(os.path.join(directory, op + '.json'), op, cases)
    print(f'{sum(map(len, ops.values()))} cases of {len(ops)} ops stored')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
