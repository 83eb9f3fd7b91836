"""Lists the chunks of a PNG file without reading their content, and removes texts that take long to unpack."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

_MANY = 10_000
_SHORT = 1000  # bytes; usual encoders write 8 KB of pixels or more into a chunk
_COMPRESSED = (b"zTXt", b"iTXt", b"iCCP")  # texts and a colour profile
_TURNING = (b"Raw profile type exif\0", b"XML:com.adobe.xmp\0")  # texts that may give the picture's orientation
_FEW = 8


def chunks_of(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield each chunk before IEND: its type, the position of its content, and its stated length in bytes.

    Source: PNG specification, third edition, 5.3.
    """
    with path.open("rb", buffering=0) as file:  # a buffer would be filled again for each chunk
        at = file.seek(8) + 8
        while len(start := file.read(8)) == 8 and start[4:] != b"IEND":
            length = int.from_bytes(start[:4], "big")
            yield start[4:], at, length
            at = file.seek(at + length + 4) + 8


def has_too_many_chunks(path: Path) -> bool:
    """Return whether a file has more than 10,000 chunks of less than 1000 bytes on average.

    No camera writes such a file. A sender could use it to keep a reader busy with millions of chunks.
    """
    return any(number > _MANY and number * _SHORT > at for number, (_, at, _) in enumerate(chunks_of(path), start=1))


def without_texts(path: Path) -> io.BytesIO | None:
    """Return a file's content without its compressed texts and profiles; `None` if it has at most 8 of them.

    Up to 8 texts that may give the orientation are kept. Pillow would unpack all the others, each to up to 1 MiB, for
    which a chunk of 1 KB is enough: 1000 of them take about 10 s.
    """
    packed = [(at, length) for kind, at, length in chunks_of(path) if kind in _COMPRESSED]
    if len(packed) <= _FEW:
        return None
    content = path.read_bytes()
    turning = [chunk for chunk in packed if content.startswith(_TURNING, chunk[0])][:_FEW]
    kept, end = [], 0
    for at, length in sorted({*packed} - {*turning}):
        kept.append(content[end : at - 8])
        end = at + length + 4
    return io.BytesIO(b"".join([*kept, content[end:]]))
