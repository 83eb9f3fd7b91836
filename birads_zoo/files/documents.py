"""Writes typed values as JSON files with a format number, and reads them back or refuses them in one sentence.

A type that is stored as a file declares its format as `FORMAT`. In the file three keys come first: `format` is that
number, `birads_zoo` is the version that wrote the file, and `digest` shows whether a value was changed since. Raise a
type's number when a key is removed, changes its meaning, or is new and required. A new key with a default needs no new
number, since readers ignore unknown keys.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, TypeVar

import msgspec

from birads_zoo.errors import UserError
from birads_zoo.files.digests import digest_of_values
from birads_zoo.files.refusal import refuse_if_possibly_whole
from birads_zoo.files.regular import read_regular
from birads_zoo.files.whole import write_text
from birads_zoo.version import __version__


class Document(Protocol):
    """A msgspec Struct that is stored as a file of its own."""

    FORMAT: ClassVar[int]


D = TypeVar("D", bound=Document)


_Version = Annotated[str, msgspec.Meta(pattern=r"^[\w.+!-]{1,99}$")]  # as PyPA's: errors quote it


class _Header(msgspec.Struct, frozen=True, kw_only=True):
    format: int | None = None
    birads_zoo: _Version | None = None
    digest: str | None = None


def encode(value: Document) -> str:
    """Return `value` as JSON that begins with its format and this version; `ValueError` for a non-finite number."""
    values = json.loads(json.dumps(msgspec.to_builtins(value), allow_nan=False))
    header = _Header(format=value.FORMAT, birads_zoo=__version__, digest=digest_of_values(values))
    return json.dumps(msgspec.to_builtins(header) | values, indent=2) + "\n"


def write(path: Path, value: Document) -> None:
    """Write `value` to `path`, completely or not at all."""
    write_text(path, encode(value))


def read(path: Path, kind: type[D], remedy: str) -> D:
    """Read a value of type `kind` from the file at `path`, which `write` wrote.

    Raises:
        StorageError: when the system cannot read the file just now, or may not.
        UserError: when the file is missing, damaged, changed or of another format; the message ends with `remedy`,
            which says what to do.

    """
    try:
        content = read_regular(path)
    except OSError as error:
        refuse_if_possibly_whole(path, error)
        raise UserError(f"cannot read {path}: {error.strerror}; {remedy}") from None
    return decode(content, kind, str(path), remedy)


def decode(content: bytes | str, kind: type[D], name: str, remedy: str) -> D:
    """Return `content` as a value of type `kind`; errors call the content `name`.

    Raises:
        UserError: as `read` does.

    """
    try:
        values: dict[str, Any] = msgspec.json.decode(content, type=dict[str, Any])
        header = msgspec.convert({key: values.pop(key, None) for key in _Header.__struct_fields__}, _Header)
        _check_format(header, kind.FORMAT, name, remedy)
        if digest_of_values(values) != header.digest:
            raise UserError(f"{name} was changed after it was written; {remedy}")
        return msgspec.convert(values, kind, str_keys=True)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{name} is damaged ({error}); {remedy}") from None


def _check_format(header: _Header, known: int, name: str, remedy: str) -> None:
    if header.format not in (None, known):
        by = f"birads-zoo {header.birads_zoo}" if header.birads_zoo else "another birads-zoo"
        raise UserError(
            f"{name} was written by {by} in format {header.format}, and this one ({__version__}) reads format {known};"
            f" {remedy}, or use the version that wrote it"
        )
    if header.format is None or header.digest is None:
        lacks = "format number" if header.format is None else "digest"
        raise UserError(f"{name} was written by an older birads-zoo (it has no {lacks}); {remedy}")
