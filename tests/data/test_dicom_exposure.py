"""Side, view and mirroring from a header, compared with the directions of upright pictures."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from birads_zoo.data.dicom.exposure import find_exposure
from birads_zoo.data.dicom.header import read_header
from birads_zoo.data.dicom.vocabulary import Words, read_words
from birads_zoo.data.dicom.wording import HeaderText


def _text(laterality="", view="", rows="", columns="", codes=(), **more):
    return HeaderText(
        lateralities=("", laterality),
        view_position=view,
        view_codes=codes,
        orientation=tuple(filter(None, (rows, columns))),
        age="",
        year="",
        device="",
        burnt_in=False,
        **more,
    )


def _exposure_of(*elements, **more):
    exposure = find_exposure(_text(*elements, **more))
    return exposure.laterality, exposure.view, exposure.mirrored


@pytest.mark.parametrize(
    ("side", "view", "rows", "columns"),
    [("R", "CC", "P", "L"), ("L", "CC", "A", "R"), ("R", "MLO", "P", "FL"), ("L", "MLO", "A", "FR")],
)
def test_the_directions_of_upright_pictures(side, view, rows, columns):
    assert _exposure_of("", view, rows, columns) == (side, view, False), "the directions alone give the side"
    assert _exposure_of(side, view, rows, columns) == (side, view, False)
    swapped = "A" if rows == "P" else "P"
    assert _exposure_of(side, view, swapped, columns) == (side, view, True), "left and right are swapped"
    around = columns.translate(str.maketrans("LRFH", "RLHF"))
    assert _exposure_of(side, view, swapped, around) == (side, view, False), "turned by 180° is not mirrored"
    if view == "MLO":  # whose columns lead to the head when it is upside down; those of a CC do not say
        assert _exposure_of("", view, swapped, around) == (side, view, False), "upside down it still has its side"
        assert _exposure_of("", view, rows, around)[0] == side, "and mirrored too"


@pytest.mark.parametrize(("side", "rows"), [("R", "P"), ("L", "A")])
def test_an_oblique_view_without_a_side_in_its_columns(side, rows):
    assert _exposure_of(side, "MLO", rows, "F") == (side, "MLO", False)
    assert _exposure_of("", "MLO", rows, "F") == ("", "MLO", None), "forward alone may be a mirrored other breast"


@pytest.mark.parametrize(("rows", "columns"), [("", ""), ("CC", ""), ("X", "Y"), ("AP", "LR"), ("QUUX", "ZELDA")])
def test_unknown_directions_are_ignored(rows, columns):
    assert _exposure_of("", "CC", rows, columns) == ("", "CC", None)


def test_explicit_elements_come_first():
    assert _exposure_of("RIGHT", "MLO", "A", "R")[:2] == ("R", "MLO")
    assert _exposure_of("B", "", "", "")[0] == "", "both breasts are neither"
    assert _exposure_of("", "QUUX^ZELDA")[1] == "", "a view that is none may be anything"
    assert _exposure_of("", "", "MLO")[1] == "MLO", "CBIS-DDSM keeps the view there"
    assert _exposure_of("", "", codes=("399368009",))[1] == "MLO"
    assert _exposure_of("", "ML", codes=("399368009",))[1] == "ML"


def test_the_exposure_is_read_from_a_file(tmp_path, write_dicom):
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "R-10242", "SNM3"
    pixels = np.zeros((16, 16), np.uint8)
    text = read_header(
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
    ).text
    assert (find_exposure(text).laterality, find_exposure(text).view, find_exposure(text).mirrored) == ("L", "CC", True)
    assert (text.age, text.year, text.device) == ("063Y", "2019", "MAKER MODEL 3")


@pytest.mark.parametrize(
    ("text", "side", "view", "kinds"),
    [
        ("R MLO", "R", "MLO", ()),
        ("LCC", "L", "CC", ()),
        ("L-CC", "L", "CC", ()),
        ("LEFT_MLO_2D", "L", "MLO", ()),
        ("RT ML", "R", "ML", ()),
        ("MAMMOGRAPHY BILATERAL", "", "", ()),
        ("L CC R CC", "", "CC", ()),
        ("R CC MLO", "R", "", ()),
        ("XCCM", "", "XCCM", ()),
        ("LM", "", "LM", ()),
        ("RMCC", "R", "CC", ("magnified",)),
        ("R CC MAG", "R", "CC", ("magnified",)),
        ("LEFT MAGNIFICATION VIEW", "L", "", ("magnified",)),
        ("MSCC", "", "CC", ("magnified", "spot compression")),
        ("SPOT COMPRESSION L MLO", "L", "MLO", ("spot compression",)),
        ("RCCID", "R", "CC", ("implant displaced",)),
        ("MLO ID", "", "MLO", ("implant displaced",)),
        ("RMLO-ID", "R", "MLO", ("implant displaced",)),
        ("L CC ID", "L", "CC", ("implant displaced",)),
        ("PATIENT ID", "", "", ()),
        ("PATIENT ID 1234 L CC", "L", "CC", ()),
        ("L CC PATIENT ID", "L", "CC", ()),
        ("L CC ID 1234", "L", "CC", ()),
        ("ID L CC", "L", "CC", ()),
        ("LCC IMPLANT", "L", "CC", ("implant",)),
        ("LCC NO IMPLANTS", "L", "CC", ()),
        ("IMPLANT DISPLACED RMLO", "R", "MLO", ("implant displaced",)),
        ("LCCRL", "L", "CC", ("rolled",)),
        ("L-CC-RL", "L", "CC", ("rolled",)),
        ("RCC RM", "R", "CC", ("rolled",)),
        ("RMLO_AT", "R", "MLO", ("axillary tail",)),
        ("R CC AT HOSPITAL", "R", "CC", ()),
        ("R-MLO RM 3", "R", "MLO", ()),
        ("RI WALK-IN L CC", "L", "CC", ()),
        ("L CC TAN", "L", "CC", ("tangential",)),
        ("SPECIMEN", "", "", ("specimen",)),
        ("MAGDALENA SPOTTSWOODE", "", "", ()),
        ("QUUX^ZELDA", "", "", ()),
        ("", "", "", ()),
    ],
)
def test_words_of_descriptions(text, side, view, kinds):
    assert read_words(text) == Words(side=side, view=view, kinds=kinds)


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({"modifier_codes": ("R-102D6",)}, ("magnified",)),
        ({"modifier_codes": ("399163009",)}, ("magnified",)),
        ({"modifier_codes": ("399055006", "R-102D6")}, ("magnified", "spot compression")),
        ({"modifier_codes": ("R-102D5",), "implant": True}, ("implant displaced",)),
        ({"modifier_codes": ("442581004",)}, ()),  # nipple in profile
        ({"modifier_codes": ("QUUX",)}, ()),
        ({"implant": True}, ("implant",)),
        ({"partial": True}, ("partial",)),
        ({"magnification": 1.8}, ("magnified",)),
        ({"magnification": 1.07}, ()),
        ({"series": "L CC ID"}, ("implant displaced",)),
        ({"series": "L CC PATIENT ID 1234"}, ()),
        ({"series": "MAG VIEWS"}, ("magnified",)),
        ({"series": "MAG VIEWS", "magnification": 1.07}, ()),
        ({"protocol": "MAG VIEWS"}, ()),  # what a room is set up for
        ({"series": "ROUTINE SCREENING"}, ()),
    ],
)
def test_a_picture_that_is_not_a_standard_view_has_no_view(more, kinds):
    exposure = find_exposure(_text("L", "CC", "A", "R", **more))
    assert (exposure.kinds, exposure.view) == (kinds, "" if kinds else "CC")
    assert (exposure.laterality, exposure.mirrored) == ("L", False), "what else is known of it stays"


@pytest.mark.parametrize(
    ("elements", "more", "expected", "described"),
    [
        (("", ""), {"series": "R MLO"}, ("R", "MLO"), ("side", "view")),
        (("", ""), {"protocol": "LEFT CC"}, ("L", "CC"), ("side", "view")),
        (("", ""), {"series": "SCREENING", "protocol": "LCC"}, ("L", "CC"), ("side", "view")),
        (("L", ""), {"series": "R MLO"}, ("L", "MLO"), ("view",)),
        (("", "CC"), {"series": "R MLO"}, ("R", "CC"), ("side",)),
        (("L", "CC"), {"series": "R MLO"}, ("L", "CC"), ()),
        (("", "RMLO"), {}, ("R", "MLO"), ()),
        (("", ""), {"series": "QUUX R"}, ("R", ""), ("side",)),
        (("", ""), {"series": "L AND R"}, ("", ""), ()),
        (("", ""), {"series": "R CC MAG"}, ("R", ""), ("side",)),  # its view is left empty
        (("L", ""), {"series": "CC SPOT"}, ("L", ""), ()),
    ],
)
def test_descriptions_are_used_where_no_element_helps(elements, more, expected, described):
    exposure = find_exposure(_text(*elements, **more))
    assert (exposure.laterality, exposure.view) == expected
    assert exposure.described == described


def test_modifiers_and_magnification_from_a_file(tmp_path, write_dicom):
    modifier, view = Dataset(), Dataset()
    modifier.CodeValue, view.CodeValue = "R-102D7", "R-10242"
    view.ViewModifierCodeSequence = Sequence([modifier])
    path = write_dicom(
        tmp_path / "a.dcm",
        np.zeros((16, 16), np.uint8),
        ViewCodeSequence=Sequence([view]),
        EstimatedRadiographicMagnificationFactor="1.5",
        BreastImplantPresent="YES",
        PartialView="YES",
        SeriesDescription="R CC",
    )
    exposure = find_exposure(read_header(path).text)
    assert exposure.kinds == ("implant", "magnified", "partial", "spot compression")
    assert (exposure.laterality, exposure.view) == ("R", "")
