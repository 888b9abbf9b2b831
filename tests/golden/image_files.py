#!/usr/bin/python3
"""Makes tests/image_files.inc: small picture files of every kind, and what Pillow reads in them.

    tests/golden/image_files.py > tests/image_files.inc

Needs Debian's python3-pil. PNG files of kinds that Pillow does not write are put together here."""
import io
import struct
import zlib

from PIL import Image

W, H = 5, 4
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
          (0, 1, 1, 2))


def sample(x, y, c):
    """A byte that tells where it belongs."""
    return (37 * x + 61 * y + 83 * c + 5 * x * y) % 256


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(depth, colour, channels, interlaced=False, more=b"", size=(W, H), value=None):
    """Rows without filters, of one or seven passes."""
    def rows(x0, y0, dx, dy):
        out = b""
        xs, ys = range(x0, W, dx), range(y0, H, dy)
        for y in ys if xs else ():
            bits = ""
            for x in xs:
                for c in range(channels):
                    v = value(x, y) if value else sample(x, y, c)
                    v = v * 257 if depth == 16 else v if value else v >> (8 - depth)
                    bits += format(v, "0%db" % depth)
            bits += "0" * (-len(bits) % 8)
            out += b"\0" + int(bits, 2).to_bytes(len(bits) // 8, "big")
        return out
    raw = b"".join(rows(*p) for p in (PASSES if interlaced else ((0, 0, 1, 1),)))
    head = struct.pack(">IIBBBBB", size[0], size[1], depth, colour, 0, 0, interlaced)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(raw))
            + chunk(b"IEND", b""))


def exif(orientation):
    return b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x0112, 3, 1, orientation, 0, 0)


def jpeg(mode, **options):
    """Smooth, so that the file is small."""
    image = Image.new(mode, (W, H))
    bands = len(image.getbands())
    for y in range(H):
        for x in range(W):
            v = tuple((40 + 30 * x + 10 * y + 50 * c) % 256 for c in range(bands))
            image.putpixel((x, y), v if bands > 1 else v[0])
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90, **options)
    return out.getvalue()


palette = chunk(b"PLTE", bytes((sample(i, 1, c)) for i in range(7) for c in range(3)))
seven = dict(value=lambda x, y: (x + 2 * y) % 7)
files = [
    ("gray", png(8, 0, 1)), ("gray1", png(1, 0, 1)), ("gray2", png(2, 0, 1)),
    ("gray4", png(4, 0, 1)), ("gray16", png(16, 0, 1)), ("rgb", png(8, 2, 3)),
    ("rgb16", png(16, 2, 3)), ("gray_alpha", png(8, 4, 2)), ("rgb_alpha", png(8, 6, 4)),
    ("rgb_alpha16", png(16, 6, 4, True)), ("palette", png(4, 3, 1, more=palette, **seven)),
    ("palette_alpha", png(8, 3, 1, more=palette + chunk(b"tRNS", b"\0\x80"), **seven)),
    ("interlaced", png(8, 2, 3, True)), ("interlaced1", png(1, 0, 1, True)),
    ("png_turned", png(8, 2, 3, more=chunk(b"eXIf", exif(6)))),
    ("jpeg", jpeg("RGB", subsampling=0)), ("jpeg_halved", jpeg("RGB")),
    ("jpeg_gray", jpeg("L")), ("jpeg_progressive", jpeg("RGB", progressive=True)),
    ("jpeg_cmyk", jpeg("CMYK")), ("jpeg_turned", jpeg("RGB", exif=b"Exif\0\0" + exif(8))),
]
broken = [
    ("png_huge", png(8, 2, 3, size=(65535, 65535)), "a picture of 65535 x 65535"),
    ("png_large", png(8, 2, 3, size=(9000, 9000)), "more than its bytes can hold"),
    ("png_wide", png(8, 2, 3, size=(100000, 2)), "a damaged PNG file"),
    ("png_flat", png(8, 2, 3, size=(5, 0)), "a damaged PNG file"),
]


def pixels(data):
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):
        return 1, [image.getpixel((x, y)) // 257 for y in range(H) for x in range(W)]
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode == "1":
        image = image.convert("L")
    if image.mode == "CMYK":
        image = image.convert("RGB")
    bands = image.split()
    return len(bands), [v for b in bands for v in b.getdata()]


def array(name, values):
    text = ", ".join(str(v) for v in values)
    print("static const uint8_t %s[] = {%s};" % (name, text))


print("/* Made by golden/image_files.py: do not edit. */")
for name, data in files:
    array("file_" + name, data)
    array("pixels_" + name, pixels(data)[1])
for name, data, _ in broken:
    array("file_" + name, data)
print("static const picture_file picture_files[] = {")
for name, data in files:
    print('    {"%s", file_%s, sizeof file_%s, %d, pixels_%s},' % (name, name, name,
                                                                   pixels(data)[0], name))
print("};\nstatic const broken_file broken_files[] = {")
for name, data, what in broken:
    print('    {file_%s, sizeof file_%s, "%s"},' % (name, name, what))
print("};")
