"""Side, view and mirroring from a header: against the directions in which pictures hang."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from birads_zoo.data.dicom_exposure import find_exposure
from birads_zoo.data.dicom_header import Said, read_header


def _found(laterality="", view="", rows="", columns="", codes=()):
    said = Said(
        lateralities=("", laterality),
        view_position=view,
        view_codes=codes,
        orientation=tuple(filter(None, (rows, columns))),
        age="",
        year="",
        device="",
        burnt_in=False,
    )
    found = find_exposure(said)
    return found.laterality, found.view, found.mirrored


@pytest.mark.parametrize(
    ("side", "view", "rows", "columns"),
    [("R", "CC", "P", "L"), ("L", "CC", "A", "R"), ("R", "MLO", "P", "FL"), ("L", "MLO", "A", "FR")],
)
def test_pictures_as_they_hang(side, view, rows, columns):
    assert _found("", view, rows, columns) == (side, view, False), "the directions alone tell the side"
    assert _found(side, view, rows, columns) == (side, view, False)
    swapped = "A" if rows == "P" else "P"
    assert _found(side, view, swapped, columns) == (side, view, True), "left and right are swapped"
    around = columns.translate(str.maketrans("LRFH", "RLHF"))
    assert _found(side, view, swapped, around) == (side, view, False), "turned by 180° is not mirrored"
    if view == "MLO":  # whose columns lead to the head when it is upside down; those of a CC do not say
        assert _found("", view, swapped, around) == (side, view, False), "upside down it still tells its side"
        assert _found("", view, rows, around)[0] == side, "and mirrored too"


@pytest.mark.parametrize(("side", "rows"), [("R", "P"), ("L", "A")])
def test_an_oblique_view_without_a_side_in_its_columns(side, rows):
    assert _found(side, "MLO", rows, "F") == (side, "MLO", False)
    assert _found("", "MLO", rows, "F") == ("", "MLO", None), "forward alone may be a mirrored other breast"


@pytest.mark.parametrize(("rows", "columns"), [("", ""), ("CC", ""), ("X", "Y"), ("AP", "LR"), ("QUUX", "ZELDA")])
def test_directions_that_are_none(rows, columns):
    assert _found("", "CC", rows, columns) == ("", "CC", None)


def test_what_is_said_in_words_goes_first():
    assert _found("RIGHT", "MLO", "A", "R")[:2] == ("R", "MLO")
    assert _found("B", "", "", "")[0] == "", "both breasts are neither"
    assert _found("", "QUUX^ZELDA")[1] == "", "a view that is none may be anything"
    assert _found("", "", "MLO")[1] == "MLO", "CBIS-DDSM keeps the view there"
    assert _found("", "", codes=("399368009",))[1] == "MLO"
    assert _found("", "ML", codes=("399368009",))[1] == "ML"


def test_from_a_file(tmp_path, write_dicom):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "R-10242", "SNM3"
    pixels = np.zeros((16, 16), np.uint8)
    said = read_header(
        write_dicom(
            tmp_path / "a.dcm",
            pixels,
            Laterality="L",
            ViewCodeSequence=Sequence([code]),
            PatientOrientation=["P", "R"],
            PatientAge="063Y",
            StudyDate="20190425",
            Manufacturer="Maker",
            ManufacturerModelName="Model 3",
        )
    ).said
    assert (find_exposure(said).laterality, find_exposure(said).view, find_exposure(said).mirrored) == ("L", "CC", True)
    assert (said.age, said.year, said.device) == ("063Y", "2019", "MAKER MODEL 3")
