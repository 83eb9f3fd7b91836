"""Reads side, view and kind of an exposure from free text such as "R MLO", "RMCC" or "left mag view"."""

from __future__ import annotations

import re
from dataclasses import dataclass

_VIEW = "XCCL|XCCM|XCC|CC|MLO|LMO|ML|LM|SIO|ISO|FB"
_SHORT = {  # the American College of Radiology's abbreviations, written before or after the view
    "M": "magnified",
    "MAG": "magnified",
    "S": "spot compression",
    "SPOT": "spot compression",
    "TAN": "tangential",
}
_ENDINGS = {  # only after the view (DICOM PS3.16, CID 4015); elsewhere they may be an id, a room or plain English
    "ID": "implant displaced",
    "RL": "rolled",
    "RM": "rolled",
    "RI": "rolled",
    "RS": "rolled",
    "AT": "axillary tail",
}
_BEHIND = _SHORT | _ENDINGS
_LABEL = re.compile(rf"(?P<side>[LR]?)(?P<before>[MS]{{0,2}})(?P<view>{_VIEW})(?P<behind>{'|'.join(_BEHIND)})?")
_LAST = re.compile(rf"\b[LR]?[MS]{{0,2}}(?:{_VIEW}) (?P<ending>{'|'.join(_ENDINGS)})$")
_WORDS = {
    "magnified": r"MAG|MAGS|MAGN|MAGNIF\w*",
    "spot compression": r"SPOT|SPOTS",
    "implant displaced": r"(?:IMPLANTS?[ _-]?)?DISPLACED|EKLUND",
    "implant": r"IMPLANTS?",
    "specimen": r"SPECIMENS?",
}
_NOT = r"(?<!\bNO )(?<!\bNON )(?<!\bWITHOUT )"
_PATTERNS = {kind: re.compile(rf"{_NOT}\b(?:{words})\b") for kind, words in _WORDS.items()}
_SIDES = {"L": "L", "LT": "L", "LEFT": "L", "R": "R", "RT": "R", "RIGHT": "R"}


@dataclass(frozen=True, kw_only=True)
class Words:
    """A text's `side` ("L" or "R") and `view`, each "" if it names none or several, and the `kinds` that it names."""

    side: str
    view: str
    kinds: tuple[str, ...]


def read_words(text: str) -> Words:
    """Read a text in capitals. A single letter beside a view counts only as a side, unless it is part of a label.

    A short ending such as "ID" counts within a label ("RCCID"), or as the last word directly after a view ("RCC ID").
    It does not count in "RCC PATIENT ID" or "RCC ID 1234".
    """
    tokens = re.findall(r"[A-Z]+", text)
    labels = [label for token in tokens if (label := _LABEL.fullmatch(token))]
    sides = {_SIDES[token] for token in tokens if token in _SIDES} | {label["side"] for label in labels} - {""}
    views = {label["view"] for label in labels}
    spaced = re.sub(r"[^A-Z0-9]+", " ", text).strip()
    kinds = {kind for kind, words in _PATTERNS.items() if words.search(spaced)}
    kinds |= {_BEHIND[part] for label in labels for part in (*label["before"], label["behind"]) if part}
    if labels:
        kinds |= {_SHORT[token] for token in tokens if token in _SHORT and len(token) > 1}
    if last := _LAST.search(spaced):
        kinds.add(_ENDINGS[last["ending"]])
    if "implant displaced" in kinds:
        kinds.discard("implant")
    return Words(
        side=sides.pop() if len(sides) == 1 else "",
        view=views.pop() if len(views) == 1 else "",
        kinds=tuple(sorted(kinds)),
    )
