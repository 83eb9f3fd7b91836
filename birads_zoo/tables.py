"""Reads tables in text files: UTF-8, UTF-16 or Windows-1252; commas, semicolons, tabs or bars. Public."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from birads_zoo.errors import UserError
from birads_zoo.files.regular import read_regular

__all__ = ["TableText", "read_table_text"]

_SEPARATORS = ",;\t|"
_LINES = 40  # the separator is found from this many first lines
_WORKBOOKS = {
    b"PK\x03\x04": "an XLSX workbook by its content: rename it to .xlsx, or save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (XLS) by its content: save it as .xlsx, or as CSV UTF-8",
}
_PLAIN = 20  # UTF-16 without a mark has a 0 in 20 bytes at least, even if few of its letters are plain
_QUOTED = re.compile(r'(?:^|(?<=[,;\t|]))"(?:[^"]|"")*"(?=[,;\t|]|$)', re.MULTILINE)
_SEPARATOR_LINE = re.compile(r"sep=([^\w\s\"]|\t)\r?\n")  # a first line for Excel, not a row


@dataclass(frozen=True, kw_only=True)
class TableText:
    """A table's text, the separator of its cells, and the usual name of its encoding."""

    text: str
    separator: str
    encoding: str


def read_table_text(path: Path) -> TableText:
    """Read a text table and find its encoding and separator.

    UTF-8 and UTF-16 are recognised by their bytes. Any other file is read as Windows-1252, in which nearly every byte
    is a character; `encoding` reports this, so that a user can correct a wrong guess. A TSV file has tabs. Otherwise
    the separator is the one that Excel's line "sep=;" names, or the one that gives the most lines the same number of
    cells.

    Raises:
        UserError: for a file that cannot be read or is not text; a workbook is named as such.

    """
    try:
        content = read_regular(path)
    except OSError as error:
        raise UserError(f"cannot read the table {path}: {error.strerror}") from None
    for start, kind in _WORKBOOKS.items():
        if content.startswith(start):
            raise UserError(f"{path} is {kind}")
    text, encoding = _decoded(content, path)
    separator_line = _SEPARATOR_LINE.match(text)
    if separator_line:
        # An empty line in its place keeps the rows' line numbers.
        return TableText(text="\n" + text[separator_line.end() :], separator=separator_line[1], encoding=encoding)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    return TableText(text=text, separator=separator, encoding=encoding)


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = {"utf-16": "UTF-16"}
    elif b"\0" in content[:4096]:
        # In UTF-16 without a byte order mark, every second byte of plain letters is 0: the first of two, or the second.
        first, second = content[:4096:2].count(0), content[1:4096:2].count(0)
        encodings = {"utf-16-be" if first > second else "utf-16-le": "UTF-16"}
        if max(first, second) < len(content[:4096]) / _PLAIN:
            encodings = {}
    else:
        encodings = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}
    for codec, name in encodings.items():
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    raise UserError(f"{path} is not text in UTF-8, UTF-16 or Windows-1252: save it as CSV UTF-8")


def _separator(text: str) -> str:
    lines = _QUOTED.sub("", "\n".join(text.splitlines()[:_LINES])).splitlines()

    def evenness(separator: str) -> tuple[int, int, int]:
        same, count = _commonest(lines, re.escape(separator))
        # Of two equally even separators, a comma between digits is more likely a decimal comma.
        return same, count, _commonest(lines, r"(?<!\d),|,(?!\d)")[0] if separator == "," else same

    return max(_SEPARATORS, key=evenness)


def _commonest(lines: list[str], pattern: str) -> tuple[int, int]:
    """Return the largest number of lines with equally many matches of a pattern, and that number of matches."""
    counts = Counter(count for count in (len(re.findall(pattern, line)) for line in lines) if count)
    return max(((same, count) for count, same in counts.items()), default=(0, 0))
