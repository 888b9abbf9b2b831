#!/bin/sh
# The JSON parser and writer of tensor/formats against Python's: whatever Python takes for strict
# JSON (UTF-8, no lone surrogate, no NaN, no U+0000) is taken and means the same when it is written
# again, and nothing else is taken.
set -u
build=$2
echo_program=$build/tests/json_echo
command -v python3 >/dev/null 2>&1 || exit 77
[ -x "$echo_program" ] || exit 77
exec python3 - "$echo_program" <<'END'
import json, random, subprocess, sys

generator = random.Random(11)
DEEPEST = 64

def no_constant(name):
    raise ValueError(name)

def check(value, depth=0):
    """What the library forbids beyond Python: deep nesting, U+0000, surrogates."""
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("U+0000")
        value.encode("utf-8")
    elif isinstance(value, list):
        if depth == DEEPEST:
            raise ValueError("deep")
        for v in (v for pair in value for v in pair) if isinstance(value, Pairs) else value:
            check(v, depth + 1)
    return value

class Pairs(list):
    """An object: its pairs in order, doubles included."""

class Number(str):
    """A number that is no integer of 64 bits, as it stands."""

def whole(text):
    return int(text) if -2**63 <= int(text) < 2**63 else Number(text)

def parse(data):
    text = data.decode("utf-8")
    if text.startswith("\ufeff"):
        raise ValueError("byte order mark")
    value = json.loads(text, parse_constant=no_constant, parse_float=Number, parse_int=whole,
                       object_pairs_hook=lambda pairs: Pairs(list(p) for p in pairs))
    return check(value)

LETTERS = ['a', '"', '\\', '/', '\b', '\n', '\x1f', '\x7f', 'é', '重', '🙂', '\u2028', ' ', "\ud83d"]
NUMBERS = ["0", "-0", "1", "-17", "00", "01", "-", "+1", "1.", ".5", "1.5", "1e3", "1E+3", "1e", "-0.0e-1",
           "9223372036854775807", "-9223372036854775808", "9223372036854775808", "123456789012345678901234567890",
           "NaN", "Infinity", "-Infinity", "0x10", "1_0"]
ESCAPES = ['\\u0041', '\\u00e9', '\\ud83d\\ude42', '\\ud83d', '\\ude42', '\\ud83d\\u0041', '\\u0000', '\\uFFFF', '\\u12',
           '\\x41', '\\/', '\\b', '\\f', '\\t', "\\'", '\\u 041', '\\u+041', '\\uDBFF\\uDFFF']

def string():
    parts = []
    for _ in range(generator.randrange(5)):
        kind = generator.random()
        if kind < 0.15:
            parts.append(generator.choice(ESCAPES))
        else:
            letter = generator.choice(LETTERS[:-1])
            parts.append(json.dumps(letter, ensure_ascii=generator.random() < 0.5)[1:-1])
    return '"' + "".join(parts) + '"'

def space():
    return "".join(generator.choice(" \t\n\r") for _ in range(generator.choice([0, 0, 0, 1, 2])))

def value(depth):
    kind = generator.random()
    if depth < 4 and kind < 0.25:
        return "[" + ",".join(space() + value(depth + 1) + space() for _ in range(generator.randrange(4))) + "]"
    if depth < 4 and kind < 0.5:
        return "{" + ",".join(space() + string() + space() + ":" + space() + value(depth + 1) + space()
                              for _ in range(generator.randrange(4))) + "}"
    if kind < 0.7:
        return string()
    if kind < 0.9:
        return generator.choice(NUMBERS) if generator.random() < 0.4 else str(generator.randrange(-10**6, 10**6))
    return generator.choice(["true", "false", "null", "tru", "nulL", ""] if generator.random() < 0.2 else
                            ["true", "false", "null"])

def mutate(data):
    data = bytearray(data)
    for _ in range(generator.randrange(1, 4)):
        at = generator.randrange(len(data) + 1)
        kind = generator.randrange(3)
        if kind == 0:
            data[at:at] = generator.choice([b'{', b'}', b'[', b']', b',', b':', b'"', b'\\', b'0', b'-', b'.', b'e',
                                            b'\x00', b'\x0b', b'\xff', b'\xc0\x80', b'\xed\xa0\x80', b'\xf4\x90\x80\x80'])
        elif kind == 1:
            del data[at:at + generator.randrange(1, 4)]
        elif at < len(data):
            data[at] ^= 1 << generator.randrange(8)
    return bytes(data)

texts = [b"", b" ", b"{}", b"[]", b"[1,]", b"[,1]", b'{"a":1,}', b'{"a"}', b'{a:1}', b"[1 2]", b'"', b'"\\', b'"\\u', b"//", b"\xef\xbb\xbf{}"]
texts += [b"[" * n + b"]" * n for n in (63, 64, 65, 66, 5000)] + [b'{"a":' * n + b"1" + b"}" * n for n in (64, 65)]
texts += [n.encode() for n in NUMBERS]
for _ in range(20000):
    text = (space() + value(0) + space()).encode("utf-8")
    texts.append(text)
    texts.append(mutate(text))

data = b"".join(len(t).to_bytes(4, "little") + t for t in texts)
out = subprocess.run([sys.argv[1]], input=data, stdout=subprocess.PIPE, check=True).stdout
answers = out.split(b"\n")[:-1]
failed = taken = 0
if len(answers) != len(texts):
    sys.exit("FAILED: %d answers to %d texts" % (len(answers), len(texts)))
for text, answer in zip(texts, answers):
    try:
        want = parse(text)
        good = True
    except (ValueError, RecursionError):
        good = False
    right = answer[:1] == (b"+" if good else b"-")
    if right and good:
        taken += 1
        right = parse(answer[1:]) == want
    if not right:
        failed += 1
        if failed < 10:
            print("FAILED: %.200r: %.200r" % (text, answer))
print("%d texts, %d of them JSON, %d answered wrongly" % (len(texts), taken, failed))
if failed == 0 and not 5000 < taken < len(texts) - 5000:
    sys.exit("FAILED: hardly a choice")
sys.exit(failed > 0)
END
