"""Which breast a DICOM picture shows, in which view, and whether it lies as films hang, told by its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from birads_zoo.data.dicom.wording import HeaderText
from birads_zoo.data.dicom.words import read_words

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
_MODIFIERS = {  # CID 4015, without those that leave a view what it is, likewise
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
_MAGNIFIED = 1.25  # of a breast on the detector it is 1.1 at most, on a stand 1.4 at least
_SIDES: dict[str, Laterality] = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
_OTHER: dict[str, Laterality] = {"L": "R", "R": "L"}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The breast and the view ("" where the header does not tell), and whether left and right are swapped in it.

    `mirrored` is None where the directions of rows and columns do not tell. `kinds` says what makes the picture none of
    the standard views of a whole breast, such as "magnified"; then `view` is "". `described` are those of "side" and
    "view" that are told, and by a description alone.
    """

    laterality: Laterality
    view: str
    mirrored: bool | None
    kinds: tuple[str, ...] = ()
    described: tuple[str, ...] = ()


def find_exposure(said: HeaderText) -> Exposure:
    """Tell the exposure from ImageLaterality or Laterality, ViewPosition or ViewCodeSequence, and PatientOrientation.

    The last of them (PS3.3, C.7.6.1.1.1: where rows and columns lead, of A, P, R, L, H and F) tells the breast where
    nothing else does, for a picture that hangs upright, its lateral side up: there columns lead to the other side of
    the body. And it tells a mirrored picture: of a right breast that is upright, rows lead to the back.
    Some archives (CBIS-DDSM) keep the view in it. What is no known view is none: it may be anything. Where no element
    tells the side or the view, the words of SeriesDescription do, or those of ProtocolName (`dicom_words`).

    A part of a breast, a magnified one, or one with an implant is no view to be held against others: see `_kinds`.
    """
    position = read_words(said.view_position)
    described = [read_words(text) for text in (said.series, said.protocol)]
    view = next((one for one in (said.view_position, *said.orientation) if one in _VIEWS), "")
    view = view or next((_BY_CODE[code] for code in said.view_codes if code in _BY_CODE), "") or position.view
    rows, columns = said.orientation if len(said.orientation) == 2 else ("", "")
    side: Laterality = next((_SIDES[one] for one in said.lateralities if one in _SIDES), "")
    laterality: Laterality = side or _leads_from(columns) or _SIDES.get(position.side, "")
    kinds = _kinds(said)
    from_words = []
    if not laterality and (told := next((one.side for one in described if one.side), "")):
        laterality = _SIDES[told]
        from_words.append("side")
    if not view and (told := next((one.view for one in described if one.view), "")):
        view = told
        if not kinds:
            from_words.append("view")
    return Exposure(
        laterality=laterality,
        view="" if kinds else view,
        mirrored=_mirrored(rows, columns, view, laterality),
        kinds=kinds,
        described=tuple(from_words),
    )


def _kinds(said: HeaderText) -> tuple[str, ...]:
    """Return what makes the picture no standard view: its codes, its own elements, and words of its view and series.

    A series is described before its pictures are made, so a magnification that the header denies is none.
    """
    kinds = set(read_words(said.series).kinds)
    if 0 < said.magnification < _MAGNIFIED:
        kinds.discard("magnified")
    kinds.update(read_words(said.view_position).kinds)
    kinds |= {_BY_MODIFIER[code] for code in said.modifier_codes if code in _BY_MODIFIER}
    if said.magnification >= _MAGNIFIED:
        kinds.add("magnified")
    if said.partial:
        kinds.add("partial")
    if said.implant and "implant displaced" not in kinds:
        kinds.add("implant")
    if any(code in _SPECIMEN for code in said.view_codes):
        kinds.add("specimen")
    return tuple(sorted(kinds))


def _leads_from(columns: str) -> Laterality:
    """Return the side of the body that is up: the columns lead away from it, or to it if they lead to the head."""
    sides = [side for side in "LR" if side in columns]
    if len(sides) != 1 or not set(columns) <= set("LRFHAP"):
        return ""
    return _SIDES[sides[0]] if "H" in columns else _OTHER[sides[0]]


def _mirrored(rows: str, columns: str, view: str, laterality: Laterality) -> bool | None:
    if ("A" in rows) == ("P" in rows):
        return None
    forward = "A" in rows
    if view in _FROM_ABOVE:  # whatever side it is, and also upside down
        return None if not (up := _leads_from(columns)) else forward != (up == "L")
    if not laterality or ("F" in columns) == ("H" in columns):
        return None
    return forward != ((laterality == "L") == ("F" in columns))
