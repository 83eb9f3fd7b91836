"""Hostile PNG, JPEG, PGM, BMP and TIFF files."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache, partial

import numpy as np
from hostile.case import Case, Content, as_file, damaged
from PIL import Image

SIDES = (30_000, 200_000)
_NOISE = np.random.default_rng(0).integers(0, 256, (96, 64), np.uint8)
_GREY = Image.fromarray(_NOISE)
_DEEP = Image.fromarray(_NOISE.astype(np.uint16) * 257)
_COLOUR = Image.merge("RGB", (_GREY, _GREY, _GREY))
_ROW = b"\1\5\0\0"  # run lengths of BMP: one pixel, then the end of the row
_FORMATS = (
    ("PNG", _GREY, {}),
    ("PNG", _DEEP, {}),
    ("PNG", _GREY.convert("P"), {}),
    ("JPEG", _GREY, {}),
    ("JPEG", _COLOUR, {"progressive": True}),
    ("JPEG", _COLOUR.convert("CMYK"), {}),
    ("PPM", _GREY, {}),
    ("PPM", _COLOUR, {}),
    ("BMP", _GREY, {}),
    ("BMP", _COLOUR, {}),
    ("TIFF", _GREY, {}),
    ("TIFF", _DEEP, {"compression": "tiff_lzw"}),
    ("TIFF", _GREY, {"compression": "tiff_deflate"}),
    ("TIFF", _GREY, {"compression": "jpeg"}),
)


def cases() -> Iterator[Case]:
    for number, (kind, image, options) in enumerate(_FORMATS):
        name = f"{kind} {number} ({image.mode})"
        whole = partial(saved, kind, image, **options)
        yield as_file("picture", f"{name}, whole", whole, "a.png", refused=False, control=True)
        yield from damaged("picture", name, whole, "a.png")
    for name, content in (*_sizes(), *_png(), *_pgm(), *_bmp(), *_tiff(), *_jpeg()):
        yield as_file("picture", name, content, "a.png")
    for name, content in _odd_but_usable():
        yield as_file("picture", name, content, "a.png", refused=False, heavy="8900²" in name or "3162²" in name)


def saved(kind: str, image: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(width: int, height: int, data: bytes, *extra: bytes, bits: int = 8, colour: int = 0, interlaced: int = 0):
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))
    return b"".join((b"\x89PNG\r\n\x1a\n", head, *extra, _chunk(b"IDAT", data), _chunk(b"IEND", b"")))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def black_png(width: int, height: int, *, bits: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    """Return a PNG file of black pixels, a thousandth as large as its pixels."""
    samples = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    packer, row = zlib.compressobj(9), bytes(1 + width * samples * bits // 8)
    data = b"".join([packer.compress(row) for _ in range(height)])
    return png(width, height, data + packer.flush(), bits=bits, colour=colour, interlaced=interlaced)


def bmp(width: int, height: int, *, bits: int = 24, compression: int = 0, colours: int = 0, data: bytes = b"") -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, 0, 0, 0, colours, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + head + data


def bmp_of_runs(width: int, height: int, runs: bytes, *, compression: int = 1) -> bytes:
    """Return a BMP file with run lengths of 8 bits (compression 1) or 4 bits (2)."""
    bits, palette = (8, 1024) if compression == 1 else (4, 64)
    return bmp(width, height, bits=bits, compression=compression, data=bytes(palette) + runs)


def tiff(*tags: tuple[int, int, int], data: bytes = bytes(99), following: int = 0) -> bytes:
    """Return a TIFF file whose directory has (tag, count, value) entries of 4-byte integers; `data` is at byte 8."""
    entries = b"".join(struct.pack("<HHII", tag, 4, count, value) for tag, count, value in tags)
    return (
        b"II*\0"
        + struct.pack("<I", 8 + len(data))
        + data
        + struct.pack("<H", len(tags))
        + entries
        + struct.pack("<I", following)
    )


def _plain(width: int, height: int, **others: int) -> list[tuple[int, int, int]]:
    numbers = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 99}
    return [(tag, 1, value) for tag, value in numbers.items()]


def _with_size(whole: bytes, width: int, height: int) -> bytes:
    """Return a JPEG file whose frame header has another size."""
    at = max(whole.find(b"\xff\xc0"), whole.find(b"\xff\xc2")) + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def _sizes() -> Iterator[tuple[str, Content]]:
    jpeg = saved("JPEG", _GREY)
    for side in SIDES:
        yield f"PNG of {side}²", png(side, side, zlib.compress(bytes(99)))
        yield f"PGM of {side}²", b"P5 %d %d 255\n" % (side, side) + bytes(99)
        yield f"BMP of {side}²", bmp(side, side)
        yield f"TIFF of {side}²", tiff(*_plain(side, side))
    yield "JPEG of 65535²", _with_size(jpeg, 65_535, 65_535)
    for kind in ("PNG", "JPEG", "PPM", "BMP", "TIFF"):
        yield f"{kind} of height 1", saved(kind, Image.new("L", (500, 1), 9))
        yield f"{kind} of width 1", saved(kind, Image.new("L", (1, 500), 9))
    for width, height in ((0, 64), (64, 0), (2**31 - 1, 64), (64, 2**31 - 1), (2**32 - 1, 2**32 - 1)):
        yield f"PNG of {width}×{height}", png(width, height, zlib.compress(bytes(99)))
        yield f"PGM of {width}×{height}", b"P5\n%d %d\n255\n" % (width, height) + bytes(99)
        yield f"TIFF of {width}×{height}", tiff(*_plain(width, height))
    yield "JPEG of height 0", _with_size(jpeg, 64, 0)


def _png() -> Iterator[tuple[str, Content]]:
    data = zlib.compress(bytes(97 * 64))
    yield "PNG of another colour type", png(64, 96, data, colour=5)
    yield "PNG of 3 bits", png(64, 96, data, bits=3)
    yield "PNG with a palette without colours", png(64, 96, data, colour=3)
    yield "PNG without pixels", png(64, 96, b"")
    yield "PNG whose pixels are no zlib stream", png(64, 96, bytes(500))
    yield "PNG without a header", b"\x89PNG\r\n\x1a\n" + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    yield "PNG whose chunk states 4 GB", b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**32 - 1) + b"IHDR" + bytes(99)
    short = _chunk(b"tEXt", b"a\0b")
    yield "PNG with 100,000 short chunks", png(64, 96, data, short * 100_000)


def _pgm() -> Iterator[tuple[str, Content]]:
    yield "PGM with a comment without end", b"P5\n#" + b"c" * 3_000_000
    for most in (b"0", b"-1", b"65536", b"9" * 5000, b"2e3", b""):
        yield f"PGM with the maximum {most[:6]!r}", b"P5\n64 96\n" + most + b"\n" + bytes(64 * 96)
    yield "PGM with a width of 5000 digits", b"P5\n" + b"1" * 5000 + b" 96 255\n" + bytes(99)
    yield "PGM in plain text with letters", b"P2\n64 96\n255\n" + b"a " * 64 * 96
    yield "PGM in plain text with a number of 1,000,000 digits", b"P2\n64 96\n255\n" + b"1" * 1_000_000
    yield "PGM in plain text that is all blank", b"P2\n64 96\n255\n" + b" " * 3_000_000
    yield "PGM in plain text with too large numbers", b"P2\n64 96\n255\n" + b"300 " * 64 * 96
    yield "PFM with infinite values", b"Pf\n64 96\n-1.0\n" + b"\0\0\x80\x7f" * 64 * 96
    yield "PAM with 1000 channels", b"P7\nWIDTH 64\nHEIGHT 96\nDEPTH 1000\nMAXVAL 255\nTUPLTYPE X\nENDHDR\n" + bytes(99)


def _bmp() -> Iterator[tuple[str, Content]]:
    yield "BMP of the lowest height", bmp(64, -(2**31))
    yield "BMP of a negative width", bmp(-64, 96)
    yield "BMP of 3 bits", bmp(64, 96, bits=3, data=bytes(9999))
    yield "BMP with a palette of 4 billion colours", bmp(64, 96, bits=8, colours=2**32 - 1, data=bytes(9999))
    yield "BMP of unknown compression", bmp(64, 96, bits=8, compression=99, data=bytes(9999))
    yield (
        "BMP of 8900² whose run lengths end early",
        bmp(8900, 8900, bits=8, compression=1, colours=2, data=bytes(8) + b"\0\2\0\0" * 99),
    )
    yield "BMP of 8900² with a run of one pixel in each row", bmp_of_runs(8900, 8900, _ROW * 8900)
    yield "BMP of 8900² in run lengths of 4 bits", bmp_of_runs(8900, 8900, _ROW * 8900, compression=2)
    yield "BMP with 3 million runs of no pixels", lambda: bmp_of_runs(64, 96, b"\0\2\0\0" * 3_000_000)


def _tiff() -> Iterator[tuple[str, Content]]:
    plain = _plain(64, 96)
    yield "TIFF whose first directory is outside", b"II*\0" + struct.pack("<I", 2**32 - 1) + bytes(99)
    yield "TIFF whose first directory is its header", b"II*\0" + struct.pack("<I", 0) + bytes(99)
    yield "TIFF whose pixels are outside", tiff(*[(tag, 1, 2**31 if tag == 273 else at) for tag, _, at in plain])
    yield "TIFF with 4 billion strips", tiff(*[(tag, 2**32 - 1 if tag == 273 else 1, at) for tag, _, at in plain])
    yield "TIFF of unknown compression", tiff(*[(tag, 1, 999 if tag == 259 else at) for tag, _, at in plain])
    yield "TIFF of 1000 samples", tiff(*[(tag, 1, 1000 if tag == 277 else at) for tag, _, at in plain])
    yield "TIFF of 0 bits", tiff(*[(tag, 1, 0 if tag == 258 else at) for tag, _, at in plain])
    tiles = [(322, 1, 2**31), (323, 1, 2**31), (324, 1, 8), (325, 1, 99)]
    yield "TIFF with tiles of 2³¹ pixels", tiff(*[entry for entry in plain if entry[0] not in (273, 278, 279)], *tiles)
    yield "TIFF in floating point", saved("TIFF", Image.fromarray(np.full((96, 64), np.nan, np.float32)))


def _jpeg() -> Iterator[tuple[str, Content]]:
    yield "JPEG that is only its first marker", b"\xff\xd8\xff"
    yield "JPEG with fill bytes to its end", b"\xff\xd8" + b"\xff" * 3_000_000
    yield "JPEG with zeros to its end", b"\xff\xd8\xff" + bytes(3_000_000)
    yield "JPEG with empty segments to its end", b"\xff\xd8" + b"\xff\xe1\0\2" * 750_000
    yield "JPEG with 64 KB segments to its end", b"\xff\xd8" + (b"\xff\xe1\xff\xff" + bytes(65_533)) * 50
    yield "progressive JPEG of 8000² with 4000 scans", partial(many_scans, 8000, 4000)


def many_scans(side: int, scans: int) -> bytes:
    """Return a progressive JPEG whose scans are a few bytes each, but a pass over all of its blocks."""
    quantisation = b"\xff\xdb\0\x43\0" + bytes([1]) * 64
    frame = b"\xff\xc2" + struct.pack(">HBHHBBBB", 11, 8, side, side, 1, 1, 0x11, 0)
    codes = b"\xff\xc4" + struct.pack(">HB", 19 + 1, 0x10) + bytes([1, *[0] * 15]) + bytes([0xE0])  # only long runs
    dc = b"\xff\xc4" + struct.pack(">HB", 19 + 1, 0x00) + bytes([1, *[0] * 15]) + bytes([0])
    first = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 0, 0) + bytes(side * side // 64 // 8 + 1)
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 63, 0) + b"\x7f\xfe" * (2 * side * side // 64 // 32_767)
    return b"\xff\xd8" + quantisation + frame + dc + codes + first + scan * scans + b"\xff\xd9"


@cache
def _bomb() -> bytes:
    return zlib.compress(bytes(50_000_000))


def _large(kind: str, mode: str, **options: object) -> bytes:
    return saved(kind, Image.new(mode, (8900, 8900)), **options)


def _odd_but_usable() -> Iterator[tuple[str, Content]]:
    data = zlib.compress(bytes(97 * 64))
    yield "PGM with a comment of 3 MB", b"P5\n#" + b"c" * 3_000_000 + b"\n64 96\n255\n" + bytes(64 * 96)
    yield "PGM with 300,000 comments", b"P5\n" + b"#c\n" * 300_000 + b"64 96\n255\n" + bytes(64 * 96)
    for kind in (b"zTXt", b"iCCP"):
        content = partial(lambda kind, times: png(64, 96, data, _chunk(kind, b"a\0\0" + _bomb()) * times), kind)
        yield f"PNG with a {kind.decode()} that unpacks to 50 MB", partial(content, 1)
        yield f"PNG with 200 {kind.decode()} that unpack to 50 MB each", partial(content, 200)
    yield "PNG with 50 MB more pixels than it has room for", lambda: png(64, 96, _bomb())
    turned = b"II*\0\x08\0\0\0\1\0\x12\1\2\0\xff\xff\xff\xff"
    yield "PNG whose orientation is a text of 4 GB", png(64, 96, data, _chunk(b"eXIf", turned))
    yield "TIFF with 65,535 directory entries", tiff(*_plain(64, 96), *[(40_000, 1, 0)] * (65_535 - 9))
    yield "TIFF whose next directory is itself", tiff(*_plain(64, 96), data=bytes(64 * 96), following=8 + 64 * 96)
    for bits, colour in ((8, 0), (16, 0), (8, 2), (16, 6)):
        content = partial(black_png, 8900, 8900, bits=bits, colour=colour)
        yield f"black PNG of 8900² of {bits} bits, colour type {colour}", content
    for mode in ("L", "CMYK", "I", "RGB"):
        yield f"black TIFF of 8900², {mode}", partial(_large, "TIFF", mode, compression="tiff_deflate")
    yield "JPEG of 8900² in ink", partial(_large, "JPEG", "CMYK")
    yield "PGM of 8900² of 16 bits that ends early", b"P5 8900 8900 65535\n" + bytes(99)
    yield "BMP of 3162² with a run of one pixel in each row", bmp_of_runs(3162, 3162, _ROW * 3162)
    yield "JPEG whose tables are missing", saved("JPEG", _GREY).replace(b"\xff\xc4", b"\xff\xfe")
    yield "GIF", saved("GIF", _GREY)
    for width, height in ((40_000_000, 2), (88_000, 900), (16, 4_900_000)):
        yield f"black PNG of {width}×{height}", partial(black_png, width, height)
