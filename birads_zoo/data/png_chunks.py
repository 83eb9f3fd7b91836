"""The chunks that a PNG file consists of, looked through without what they hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_MANY = 10_000
_SHORT = 1000  # bytes; writers put 8 KB of pixels and more into a chunk


def chunks_of(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Yield the type of each chunk before IEND, where its content starts, and the length in bytes that it says it has.

    Source: PNG specification, third edition, 5.3.
    """
    with path.open("rb") as file:
        file.seek(8)
        while len(start := file.read(8)) == 8 and start[4:] != b"IEND":
            length, at = int.from_bytes(start[:4], "big"), file.tell()
            yield start[4:], at, length
            file.seek(at + length + 4)


def is_in_crumbs(path: Path) -> bool:
    """Tell whether a file has more than 10,000 chunks, and these of less than 1000 bytes on average.

    No camera writes one, and a reader that goes through millions of chunks is busy for as long as the sender wants.
    """
    return any(number > _MANY and number * _SHORT > at for number, (_, at, _) in enumerate(chunks_of(path), start=1))
