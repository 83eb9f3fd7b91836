"""Describes a hostile input, and the small changes from which many of them are made."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True, kw_only=True)
class Base:
    """What inputs are made from: a finished run, its exported model, and a folder that no reader may open."""

    run: Path
    model: Path
    secret: Path


Make = Callable[[Path, Base], Path]
"""Makes an input in an empty folder, and returns the path that the reader gets."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """An input for one of the `readers`. If `refused`, it must give a reason; otherwise it may also be read.

    A `control` is a valid input, which must be read. A `heavy` one takes seconds to make or to read.
    """

    name: str
    reader: str
    make: Make
    refused: bool = True
    control: bool = False
    heavy: bool = False


Content = bytes | Callable[[], bytes]
"""The content of a file, or what makes it: only the inputs that are used are made."""


def as_file(reader: str, name: str, content: Content, file: str, **options: bool) -> Case:
    """Return the case of one file."""

    def make(folder: Path, base: Base) -> Path:
        path = folder / file
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return Case(name=name, reader=reader, make=make, **options)


def damaged(reader: str, name: str, whole: Content, file: str, flips: int = 3, cuts: int = 2) -> Iterator[Case]:
    """Yield a valid file cut off, with bits flipped, with bytes moved, and with noise instead of its content."""

    def change(what: str, how: Callable[[bytes, random.Random], bytes]) -> Case:
        def content() -> bytes:
            return how(
                whole if isinstance(whole, bytes) else whole(), random.Random(zlib.crc32(f"{name}{what}".encode()))
            )

        return as_file(reader, f"{name}, {what}", content, file, refused=False)

    for number in range(cuts):
        yield change(f"cut {number}", partial(_cut, (number + 0.5) / cuts))
    for number in range(flips):
        yield change(f"bits flipped {number}", partial(flipped, 1 + 3 * number, near=number % 2 == 0))
    yield change("bytes moved", _moved)
    yield change("noise after its start", lambda content, numbers: content[:64] + numbers.randbytes(len(content) // 2))


def with_digest(text: str) -> str:
    """Return a JSON document with the right digest of its values, which anybody can compute, if it can be read."""
    from birads_zoo.files.digests import digest_of_values

    try:
        values = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return text
    content = {key: value for key, value in values.items() if key not in ("format", "birads_zoo", "digest")}
    return json.dumps(values | {"digest": digest_of_values(content)})


def _cut(share: float, content: bytes, numbers: random.Random) -> bytes:
    return content[: int(len(content) * share * (0.8 + 0.4 * numbers.random()))]


def flipped(count: int, content: bytes, numbers: random.Random, *, near: bool) -> bytes:
    """Return the content with `count` bits flipped; `near` its start, where headers are."""
    changed = bytearray(content)
    for _ in range(count):
        at = numbers.randrange(min(200, len(content)) if near else len(content))
        changed[at] ^= 1 << numbers.randrange(8)
    return bytes(changed)


def _moved(content: bytes, numbers: random.Random) -> bytes:
    a, b, c = sorted(numbers.randrange(len(content)) for _ in range(3))
    return content[:a] + content[b:c] + content[a:b] + content[c:]
