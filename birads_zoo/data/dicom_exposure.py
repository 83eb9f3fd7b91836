"""Which breast a DICOM picture shows, in which view, and whether it lies as films hang, told by its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from birads_zoo.data.dicom_header import Said

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
_SIDES: dict[str, Laterality] = {"L": "L", "LEFT": "L", "R": "R", "RIGHT": "R"}
_OTHER: dict[str, Laterality] = {"L": "R", "R": "L"}


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The breast and the view ("" where the header does not tell), and whether left and right are swapped in it.

    `mirrored` is None where the directions of rows and columns do not tell.
    """

    laterality: Laterality
    view: str
    mirrored: bool | None


def find_exposure(said: Said) -> Exposure:
    """Tell the exposure from ImageLaterality or Laterality, ViewPosition or ViewCodeSequence, and PatientOrientation.

    The last of them (PS3.3, C.7.6.1.1.1: where rows and columns lead, of A, P, R, L, H and F) tells the breast where
    nothing else does, for a picture that hangs upright, its lateral side up: there columns lead to the other side of
    the body. And it tells a mirrored picture: of a right breast that is upright, rows lead to the back.
    Some archives (CBIS-DDSM) keep the view in it. What is no known view is none: it may be anything.
    """
    view = next((one for one in (said.view_position, *said.orientation) if one in _VIEWS), "")
    view = view or next((_BY_CODE[code] for code in said.view_codes if code in _BY_CODE), "")
    rows, columns = said.orientation if len(said.orientation) == 2 else ("", "")
    side: Laterality = next((_SIDES[one] for one in said.lateralities if one in _SIDES), "")
    laterality: Laterality = side or _leads_from(columns)
    return Exposure(laterality=laterality, view=view, mirrored=_mirrored(rows, columns, view, laterality))


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
