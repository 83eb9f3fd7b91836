"""Uploads that cannot be predicted are refused with a reason, and the server keeps running."""

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

MAGICS = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"P5\n", b"II*\x00", b"MM\x00*", b"BM", b"\x00" * 128 + b"DICM")
BEYOND = ((9000, 9000), (65_000, 65_000), (2_000_000, 40), (2001, 2000))
"""Sizes of more than 4 megapixels."""


NAMES = (
    "../../../no-such-file",
    "..\\..\\boot.ini",
    "/no-such-file",
    "a\x00b.png",
    "x" * 5000 + ".png",
    "乳房 撮影.png",
    "",
    ".",
    "CON",
)


def check_refusal(response, name):
    assert 400 <= response.status_code < 500, f"{name}: {response.status_code} {response.text[:300]}"
    reason = response.json()["detail"]
    assert isinstance(reason, str), f"{name}: {reason}"
    assert 10 < len(reason) < 400, f"{name}: {reason}"
    assert "/tmp" not in reason and "Traceback" not in reason and "/picture" not in reason, f"{name}: {reason}"  # noqa: PT018


def malformed() -> Iterator[tuple[str, bytes]]:
    """Yield a description of what is wrong, and the bytes of the file."""
    yield from _no_pictures()
    yield from _cut()
    yield from _noise()
    yield from _bombs()
    yield from _unusable()


def saved(kind: str, image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def png_of(width: int, height: int, *extra: bytes, data: bytes = b"\x00" * 64) -> bytes:
    """A PNG file whose header claims a size; `extra` are chunks before its data."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"".join(
        (b"\x89PNG\r\n\x1a\n", head, *extra, png_chunk(b"IDAT", zlib.compress(data)), png_chunk(b"IEND", b""))
    )


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def dicom_of(rows: int, columns: int, pixels: bytes = b"\x00" * 64) -> bytes:
    """A DICOM file (explicit VR, little endian) whose header claims a size."""

    def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
        value += b"\x00" * (len(value) % 2)
        if kind in (b"OB", b"OW"):
            return struct.pack("<HH2sHI", group, number, kind, 0, len(value)) + value
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    def short(number: int, value: int) -> bytes:
        return element(0x28, number, b"US", struct.pack("<H", value))

    syntax = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1")
    meta = element(2, 0, b"UL", struct.pack("<I", len(syntax))) + syntax
    body = element(8, 0x60, b"CS", b"MG") + short(2, 1) + element(0x28, 4, b"CS", b"MONOCHROME2 ")
    body += short(0x10, rows) + short(0x11, columns) + short(0x100, 16) + short(0x101, 16) + short(0x102, 15)
    body += short(0x103, 0) + element(0x7FE0, 0x10, b"OW", pixels)
    return bytes(128) + b"DICM" + meta + body


def _picture() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (96, 64), np.uint8))


def _no_pictures() -> Iterator[tuple[str, bytes]]:
    picture = _picture()
    yield "nothing", b""
    for size in (1, 2, 3, 15, 131, 132):
        yield f"{size} zeros", bytes(size)
    for magic in MAGICS:
        yield f"only the magic {magic[-4:]!r}", magic
    for kind in ("GIF", "WEBP", "ICO", "PCX", "TGA", "PDF", "EPS", "SGI", "JPEG2000"):
        yield f"a {kind} file", saved(kind, picture)
    yield "SVG", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    yield (
        "an external entity",
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///no-such-file">]><x>&y;</x>',
    )
    yield "HTML", b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
    yield "JSON", b'{"path": "/no-such-file", "meta": {"_type": "FileData"}}'
    yield "text", "Mammographie, unauffällig. ".encode() * 40
    yield "UTF-16", "unauffällig".encode("utf-16")
    yield "a ZIP file", b"PK\x03\x04" + bytes(200)
    yield "a gzip bomb", zlib.compress(bytes(20_000_000), wbits=31)
    yield "an ELF program", b"\x7fELF" + bytes(300)
    yield "a Windows program", b"MZ" + bytes(300)
    yield "a pickle", b"cposix\nsystem\n(S'true'\ntR."
    yield "an .npy file", b"\x93NUMPY\x01\x00" + bytes(200)
    yield "a video", b"\x00\x00\x00\x18ftypmp42" + bytes(300)
    for magic in MAGICS:
        yield f"{magic[-4:]!r} and then HTML", magic + b"<html><script>alert(1)</script></html>" * 9
    for first in (b"GIF89a/*", b"%PDF-1.7\n", b"<!--", b"PK\x03\x04", b"MZ"):
        yield f"{first!r} before a whole picture", first + saved("JPEG", picture)


def _cut() -> Iterator[tuple[str, bytes]]:
    picture = _picture()
    deep = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    for kind, image in (("JPEG", picture), ("PNG", picture), ("TIFF", picture), ("BMP", picture), ("PPM", picture)):
        whole = saved(kind, image)
        for part in (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9):
            yield f"{part:.0%} of a {kind} file", whole[: int(len(whole) * part) + 2]
    for part in (0.3, 0.6, 0.9):
        yield f"{part:.0%} of a PNG file of 16 bits", saved("PNG", deep)[: int(20_000 * part * 0.6)]
        yield f"{part:.0%} of a DICOM file", dicom_of(64, 64, bytes(64 * 64 * 2))[: int(8000 * part)]


def _noise() -> Iterator[tuple[str, bytes]]:
    for seed in range(8):
        noise = np.random.default_rng(seed).bytes(200 + 700 * seed)
        yield f"noise {seed}", b"\x01" + noise
        for magic in MAGICS:
            yield f"{magic[-4:]!r} and noise {seed}", magic + noise


def _bombs() -> Iterator[tuple[str, bytes]]:
    jpeg = saved("JPEG", _picture())
    frame = jpeg.index(b"\xff\xc0") + 5
    for width, height in BEYOND:
        name = f"of {width}×{height} pixels by its header"
        yield f"a PNG file {name}", png_of(width, height)
        yield f"a PGM file {name}", b"P5 %d %d 255\n" % (width, height) + bytes(99)
        yield (
            f"a BMP file {name}",
            b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, width, height, 1, 24, *[0] * 6),
        )
        tags = ((256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 64))
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
        yield f"a TIFF file {name}", b"II*\x00\x08\x00\x00\x00" + struct.pack("<H", len(tags)) + entries + bytes(99)
        short = min(width, 65_535), min(height, 65_535)
        yield f"a JPEG file {name}", jpeg[:frame] + struct.pack(">HH", *short[::-1]) + jpeg[frame + 4 :]
        yield f"a DICOM file {name}", dicom_of(*short[::-1])
    yield "a PNG file that unpacks to 81 megabytes", png_of(9000, 9000, data=bytes(81_000_000))
    long = zlib.compress(bytes(90_000_000))
    yield "a PNG file whose text unpacks to 90 megabytes", png_of(64, 64, png_chunk(b"zTXt", b"x\x00\x00" + long))
    yield "a PNG file whose profile unpacks to 90 megabytes", png_of(64, 64, png_chunk(b"iCCP", b"x\x00\x00" + long))


def _unusable() -> Iterator[tuple[str, bytes]]:
    for size in ((1, 1), (15, 400), (400, 15), (2, 2)):
        for kind in ("PNG", "JPEG"):
            yield f"a {kind} file of {size[0]}×{size[1]} pixels", saved(kind, Image.new("L", size, 99))
    for name, value in (("NaN", np.nan), ("infinite", np.inf), ("negative", -1.0), ("ordinary", 0.5)):
        yield f"floating-point pixels, {name}", saved("TIFF", Image.fromarray(np.full((64, 64), value, np.float32)))
    for name, number in (("negative", -5), ("too large", 70_000)):
        yield f"{name} whole numbers", saved("TIFF", Image.fromarray(np.full((64, 64), number, np.int32)))
    whole = bytearray(saved("PNG", _picture()))
    whole[45] ^= 0xFF
    yield "a PNG file with a wrong checksum", bytes(whole)
    yield "a PNG file of width 0", png_of(0, 64)
    yield "a DICOM file of no rows", dicom_of(0, 64)
    yield "a DICOM file with too few pixels", dicom_of(64, 64, bytes(10))


def test_two_hundred_malformed_uploads_are_refused_and_the_server_keeps_running(served, mammogram, left_in):
    count = 0
    for count, (name, content) in enumerate(malformed(), start=1):
        if count % 2:
            response = served.client.post("/predict", content=content)
        else:
            response = served.client.post("/predict", files={"file": (NAMES[count % len(NAMES)] or "x", content)})
        check_refusal(response, name)
        assert left_in(served.folder) == [], f"{name} left something on the disk"
    assert count >= 200
    assert served.client.post("/predict", content=mammogram).status_code == 200


@pytest.mark.parametrize("make", [png_of, lambda width, height: dicom_of(height, width)], ids=["PNG", "DICOM"])
def test_too_many_pixels_are_refused_by_the_header(served, make):
    response = served.client.post("/predict", content=make(2001, 2000))
    assert response.status_code == 413
    assert response.json()["detail"] == "the picture has 2001×2000 pixels; the limit of this server is 4 megapixels"
    assert served.client.post("/predict", content=make(2000, 2000)).status_code == 422  # it ends too early


@pytest.mark.parametrize("name", NAMES, ids=[repr(name)[:20] for name in NAMES])
def test_the_name_of_a_file_is_ignored(served, mammogram, left_in, name):
    body = b'--b\r\ncontent-disposition: form-data; name="file"; filename="%s"\r\n\r\n' % name.encode()
    body += mammogram + b"\r\n--b--\r\n"
    response = served.client.post("/predict", content=body, headers={"content-type": "multipart/form-data; boundary=b"})
    assert response.status_code in (200, 400, 422), response.text
    assert response.status_code == 200 or not name.isprintable() or not name or len(name) > 4000, response.text
    assert left_in(served.folder) == []


PART = b'--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b""),
        ("multipart/form-data", PART + b"x\r\n--b--\r\n"),
        ("multipart/form-data; boundary=", PART),
        ("multipart/form-data; boundary=other", PART + b"x\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"\x00" * 999),
        ("multipart/form-data; boundary=b", PART[:30]),
        ("multipart/form-data; boundary=b", PART + b"cut"),
        ("multipart/form-data; boundary=b", PART + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART + b"x\r\n" + PART + b"y\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART.replace(b'; filename="x"', b"") + b"x\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", PART.replace(b'name="file"; ', b"") + b"x\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x-long: " + b"y" * 99_999 + b"\r\n\r\n\r\n--b--\r\n"),
        ("application/json", b'{"file": "aGVsbG8="}'),
        ("application/x-www-form-urlencoded", b"file=hello"),
        ("\xff; boundary", b"hello there"),
    ],
)
# For a form that ends too early, Starlette leaves its temporary file to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_a_broken_form_is_refused(served, left_in, kind, body):
    response = served.client.post("/predict", content=body, headers={"content-type": kind.encode("latin-1")})
    check_refusal(response, kind)
    assert left_in(served.folder) == []
