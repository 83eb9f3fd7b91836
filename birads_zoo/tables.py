"""Public: tables in text files as people save them: UTF-8, UTF-16 or Windows-1252; commas, semicolons, tabs or bars."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from birads_zoo.errors import UserError

__all__ = ["TableText", "read_table_text"]

_SEPARATORS = ",;\t|"
_LINES = 40  # that many from the first on tell what separates the cells
_WORKBOOKS = {
    b"PK\x03\x04": "an XLSX workbook by its content: rename it to .xlsx, or save it as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (XLS) by its content: save it as .xlsx, or as CSV UTF-8",
}
_QUOTED = re.compile(r'(?:^|(?<=[,;\t|]))"(?:[^"]|"")*"(?=[,;\t|]|$)', re.MULTILINE)
_NAMED = re.compile(r"sep=(.)\r?\n")  # Excel's own first line, which is no row


@dataclass(frozen=True, kw_only=True)
class TableText:
    """A table's text, what separates its cells, and the encoding that it was in, as people call it."""

    text: str
    separator: str
    encoding: str


def read_table_text(path: Path) -> TableText:
    """Read a text table, whatever program saved it.

    UTF-8 and UTF-16 are known by their bytes; what is neither is read as Windows-1252, in which nearly every byte means
    something: `encoding` says so, for whoever knows better. A TSV file has tabs. Else the separator is the one that
    Excel's line "sep=;" names, or the one that gives the most lines the same number of cells.

    Raises:
        UserError: for a file that cannot be read, and one that is no text, with what it is.

    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the table {path}: {error.strerror}") from None
    for start, kind in _WORKBOOKS.items():
        if content.startswith(start):
            raise UserError(f"{path} is {kind}")
    text, encoding = _decoded(content, path)
    named = _NAMED.match(text)
    if named:
        # An empty line in its place keeps the rows' numbers.
        return TableText(text="\n" + text[named.end() :], separator=named[1], encoding=encoding)
    separator = "\t" if path.suffix.lower() == ".tsv" else _separator(text)
    return TableText(text=text, separator=separator, encoding=encoding)


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = {"utf-16": "UTF-16"}
    elif b"\0" in content[:4096]:
        # Of UTF-16 without its mark every second byte of plain letters is 0: the first of each two, or the second.
        first, second = content[:4096:2].count(0), content[1:4096:2].count(0)
        encodings = {"utf-16-be" if first > second else "utf-16-le": "UTF-16"}
    else:
        encodings = {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}
    for codec, name in encodings.items():
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    raise UserError(f"{path} is no text in UTF-8, UTF-16 or Windows-1252: save it as CSV UTF-8")


def _separator(text: str) -> str:
    lines = _QUOTED.sub("", "\n".join(text.splitlines()[:_LINES])).splitlines()

    def evenness(separator: str) -> tuple[int, int, int]:
        alike, count = _commonest(lines, re.escape(separator))
        # Of two that are as even, a comma between digits is rather a decimal one.
        return alike, count, _commonest(lines, r"(?<!\d),|,(?!\d)")[0] if separator == "," else alike

    return max(_SEPARATORS, key=evenness)


def _commonest(lines: list[str], pattern: str) -> tuple[int, int]:
    """Return in how many lines a pattern is found equally often, and how often that is."""
    counts = Counter(count for count in (len(re.findall(pattern, line)) for line in lines) if count)
    return max(((alike, count) for count, alike in counts.items()), default=(0, 0))
