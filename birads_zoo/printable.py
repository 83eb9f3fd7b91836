"""Makes text from elsewhere safe to print: file names, class names, and the errors of models and plugins."""

from __future__ import annotations

import unicodedata

_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"})  # control, format, surrogate, unassigned, private
_LAYOUT = frozenset("\n\t")


def printable(text: str) -> str:
    r"""Return `text` with every character that a terminal may obey written as its escape, such as `\x1b`.

    These are control characters, except line feeds and tabs, and characters that change the direction of text. Bytes of
    a file name that are not UTF-8 are written as `\xff`.
    """
    return "".join(_escaped(character) if _is_unprintable(character) else character for character in text)


def shortened(text: str, longest: int = 4000) -> str:
    """Return a text with its middle left out if it has more than `longest` characters: it may quote a whole file."""
    return text if len(text) <= longest else f"{text[: longest - 1000]} … {text[-900:]}"


def is_utf8(name: str) -> bool:
    """Return whether a file's name is UTF-8; Python keeps the bytes of other names as lone surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def _is_unprintable(character: str) -> bool:
    return character not in _LAYOUT and unicodedata.category(character) in _UNPRINTABLE


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")
