"""Reads from a DICOM header which breast a picture shows, in which view, and whether it is mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from birads_zoo.data.dicom.vocabulary import read_words
from birads_zoo.data.dicom.wording import HeaderText

Laterality = Literal["L", "R", ""]

_VIEWS = {  # DICOM PS3.16, CID 4014: the view's codes in SNOMED CT and in the older SNOMED RT
    "CC": ("399162004", "R-10242"),
    "MLO": ("399368009", "R-10226"),
    "ML": ("399260004", "R-10224"),
    "LM": ("399352003", "R-10228"),
    "LMO": ("399099002", "R-10230"),
    "FB": ("399196006", "R-10244"),
    "SIO": ("399188001", "R-102D0"),
    "ISO": ("441555000", "R-40AAA"),
    "XCC": (),
    "XCCL": ("399192008", "R-1024A"),
    "XCCM": ("399101009", "R-1024B"),
}
_BY_CODE = {code: view for view, codes in _VIEWS.items() for code in codes}
_FROM_ABOVE = ("CC", "XCC", "XCCL", "XCCM")
_MODIFIERS = {  # CID 4015 in the same codes, without modifiers that do not change the view
    "magnified": ("399163009", "R-102D6"),
    "spot compression": ("399055006", "R-102D7"),
    "implant displaced": ("399209000", "R-102D5"),
    "rolled": ("399197002", "R-102D3", "399226006", "R-102D4", "414493004", "R-102CA", "415670009", "R-102C9"),
    "anterior compression": ("441752004", "P2-00161"),
    "axillary tail": ("399011000", "R-102D1"),
    "cleavage": ("399161006", "R-102D2"),
    "tangential": ("399110001", "R-102C2"),
}
_BY_MODIFIER = {code: kind for kind, codes in _MODIFIERS.items() for code in codes}
_SPECIMEN = ("127457009", "G-8310")
_MAGNIFIED = 1.25  # the factor is at most 1.1 for a breast on the detector, at least 1.4 for one on a stand
_SIDES: dict[str, Laterality] = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
_OTHER: dict[str, Laterality] = {"L": "R", "R": "L"}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The breast and the view of a picture ("" if the header does not give them), and whether it is mirrored.

    `mirrored` is `None` if the directions of rows and columns are not enough to decide. `kinds` are the reasons why the
    picture is not a standard view of a whole breast, such as "magnified"; if there are any, `view` is "". `described`
    lists "side" and "view" if they come only from a description.
    """

    laterality: Laterality
    view: str
    mirrored: bool | None
    kinds: tuple[str, ...] = ()
    described: tuple[str, ...] = ()


def find_exposure(header: HeaderText) -> Exposure:
    """Find the exposure from ImageLaterality or Laterality, ViewPosition or ViewCodeSequence, and PatientOrientation.

    PatientOrientation (PS3.3, C.7.6.1.1.1) gives the directions of rows and columns as A, P, R, L, H and F. It decides
    the breast if no other element does: in an upright picture the lateral side is up, so columns lead to the other side
    of the body. It also shows whether the picture is mirrored: in an upright picture of a right breast, rows lead to
    the back. Some archives (CBIS-DDSM) write the view into this element.

    An unknown view is ignored, because its text may be anything. If no element gives the side or the view, the words of
    SeriesDescription are used, then those of ProtocolName (see `words.read_words`).

    A part of a breast, a magnified breast or one with an implant is not comparable with other views: see `_kinds`.
    """
    position = read_words(header.view_position)
    described = [read_words(text) for text in (header.series, header.protocol)]
    view = next((name for name in (header.view_position, *header.orientation) if name in _VIEWS), "")
    view = view or next((_BY_CODE[code] for code in header.view_codes if code in _BY_CODE), "") or position.view
    rows, columns = header.orientation if len(header.orientation) == 2 else ("", "")
    side: Laterality = next((_SIDES[name] for name in header.lateralities if name in _SIDES), "")
    laterality: Laterality = side or _leads_from(columns) or _SIDES.get(position.side, "")
    kinds = _kinds(header)
    from_words = []
    if not laterality and (described_side := next((words.side for words in described if words.side), "")):
        laterality = _SIDES[described_side]
        from_words.append("side")
    if not view and (described_view := next((words.view for words in described if words.view), "")):
        view = described_view
        if not kinds:
            from_words.append("view")
    return Exposure(
        laterality=laterality,
        view="" if kinds else view,
        mirrored=_mirrored(rows, columns, view, laterality),
        kinds=kinds,
        described=tuple(from_words),
    )


def _kinds(header: HeaderText) -> tuple[str, ...]:
    """Return why the picture is not a standard view, from codes, other elements, and words of view and series.

    A series is described before its pictures are taken, so "magnified" there does not count if the header denies it.
    """
    kinds = set(read_words(header.series).kinds)
    if 0 < header.magnification < _MAGNIFIED:
        kinds.discard("magnified")
    kinds.update(read_words(header.view_position).kinds)
    kinds |= {_BY_MODIFIER[code] for code in header.modifier_codes if code in _BY_MODIFIER}
    if header.magnification >= _MAGNIFIED:
        kinds.add("magnified")
    if header.partial:
        kinds.add("partial")
    if header.implant and "implant displaced" not in kinds:
        kinds.add("implant")
    if any(code in _SPECIMEN for code in header.view_codes):
        kinds.add("specimen")
    return tuple(sorted(kinds))


def _leads_from(columns: str) -> Laterality:
    """Return the side of the body that is up. Columns lead away from it, or towards it if they lead to the head."""
    sides = [side for side in "LR" if side in columns]
    if len(sides) != 1 or not set(columns) <= set("LRFHAP"):
        return ""
    return _SIDES[sides[0]] if "H" in columns else _OTHER[sides[0]]


def _mirrored(rows: str, columns: str, view: str, laterality: Laterality) -> bool | None:
    if ("A" in rows) == ("P" in rows):
        return None
    forward = "A" in rows
    if view in _FROM_ABOVE:  # for both sides, and also upside down
        return None if not (up := _leads_from(columns)) else forward != (up == "L")
    if not laterality or ("F" in columns) == ("H" in columns):
        return None
    return forward != ((laterality == "L") == ("F" in columns))
