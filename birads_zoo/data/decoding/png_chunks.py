"""The chunks that a PNG file consists of, looked through without what they hold."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

_MANY = 10_000
_SHORT = 1000  # bytes; writers put 8 KB of pixels and more into a chunk
_COMPRESSED = (b"zTXt", b"iTXt", b"iCCP")  # texts and a colour profile
_TURNING = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # the texts that may say which way up a picture is
_FEW = 8


def chunks_of(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each chunk before IEND, where its content starts, and the length in bytes that it says it has.

    Source: PNG specification, third edition, 5.3.
    """
    with path.open("rb", buffering=0) as file:  # a buffer would be filled anew for each chunk
        at = file.seek(8) + 8
        while len(start := file.read(8)) == 8 and start[4:] != b"IEND":
            length = int.from_bytes(start[:4], "big")
            yield start[4:], at, length
            at = file.seek(at + length + 4) + 8


def is_in_crumbs(path: Path) -> bool:
    """Tell whether a file has more than 10,000 chunks, and these of less than 1000 bytes on average.

    No camera writes one, and a reader that goes through millions of chunks is busy for as long as the sender wants.
    """
    return any(number > _MANY and number * _SHORT > at for number, (_, at, _) in enumerate(chunks_of(path), start=1))


def without_texts(path: Path) -> io.BytesIO | None:
    """Return the content of a file without its compressed texts and profiles; None where it has no more than 8.

    Up to 8 texts that may say which way up the picture is are kept. Pillow unpacks each of the others too, to up to
    1 MiB, and a chunk of 1 KB is enough for that: 1000 of them take it about 10 s.
    """
    packed = [(at, length) for kind, at, length in chunks_of(path) if kind in _COMPRESSED]
    if len(packed) <= _FEW:
        return None
    content = path.read_bytes()
    turning = [one for one in packed if content.startswith(_TURNING, one[0])][:_FEW]
    kept, end = [], 0
    for at, length in sorted({*packed} - {*turning}):
        kept.append(content[end : at - 8])
        end = at + length + 4
    return io.BytesIO(b"".join([*kept, content[end:]]))
