"""Parses TOML, and refuses texts that would take the parser minutes, gigabytes or more depth than Python has."""

from __future__ import annotations

import re
import tomllib
from typing import Any

_LONGEST = 2_000_000  # characters
_MOST_PARTS = 100  # of a dotted key: the parser takes a second for a key of 3000 parts


def parse_toml(text: str) -> dict[str, Any]:
    """Return the values of a TOML text.

    Raises:
        ValueError: for text that is not TOML (`tomllib.TOMLDecodeError`), is too long or nested too deeply, or has a
            number or a key that is too long.

    """
    if len(text) > _LONGEST:
        raise ValueError(f"it is longer than {_LONGEST:,} characters")
    if any(part.count(".") >= _MOST_PARTS for part in re.split(r"[\n,=]", text)):
        raise ValueError(f"it has a key of more than {_MOST_PARTS} parts")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits, or a date that does not exist
        raise ValueError(f"it has a value that cannot be read ({error})") from None
