import json
import math

import pytest

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

HEADER = [
    *("Image_name", "Patient_ID", "Side", "Type", "Age", "Breast density (ACR)", "BIRADS", "Findings", "View", "Tags"),
    *("Machine", "Pathology Classification/ Follow up"),
]
ROWS = [
    ["P1_L_DM_MLO ", 1, "L", "DM", 53, "C", "4$2", "Mass$Calcifications", "MLO", "m", 2, "Malignant"],
    ["P1_L_CM_MLO", 1, "L", "CESM", 53, "_", 4, "Mass enhancement", "MLO", "m", 2, "Malignant"],
    ["P2_R_DM_CC", 2, "R", "DM", 41, "B", 1, "Normal", "CC", "n", 1, "Normal"],
    ["P3_R_DM_CC", 3, "R", "DM", 60, "A", "_", "_", "CC", "n", 1, "_"],
]
VIA = [
    *("#filename", "file_size", "file_attributes", "region_count", "region_id", "region_shape_attributes"),
    "region_attributes",
]


def region(image, number, **shape):
    return [image, -1, "{}", 4, number, json.dumps(shape), "{}"]


REGIONS = [
    region("P1_L_DM_MLO.jpg", 0, name="polygon", all_points_x=[10, 30, 20], all_points_y=[5, 8, 40]),
    region("P1_L_DM_MLO.jpg", 1, name="circle", cx=50, cy=60, r=7),
    region("P1_L_DM_MLO.jpg", 2, name="ellipse", cx=50, cy=60, rx=8, ry=3, theta=math.pi / 2),
    region("P1_L_DM_MLO.jpg", 3, name="point", cx=1, cy=2),
    region("P2_R_DM_CC.jpg", 0),
]


@pytest.fixture
def root(tmp_path, write_book, write_csv, write_picture):
    """The release, with a sheet of one finding before the main sheet."""
    sheets = {"mass_description": [["Image_name", "Mass shape"], ["P1_L_DM_MLO", "oval"]], "all": [HEADER, *ROWS]}
    write_book(tmp_path / "Radiology-manual-annotations.xlsx", sheets)
    write_csv(tmp_path / "Radiology_hand_drawn_segmentations_v2.csv", [VIA, *REGIONS])
    write_picture(tmp_path / "CDD-CESM/Low energy images of CDD-CESM/P1_L_DM_MLO.jpg")
    write_picture(tmp_path / "CDD-CESM/Subtracted images of CDD-CESM/P1_L_CM_MLO.jpg")
    return tmp_path


def test_low_energy_images_with_the_most_suspicious_finding(root, load):
    index = load("cdd-cesm", root)
    rows = index.rows
    assert list(rows["image_path"]) == [
        "CDD-CESM/Low energy images of CDD-CESM/P1_L_DM_MLO.jpg",
        "P2_R_DM_CC.jpg",
    ]
    assert list(rows["row"]) == [2, 4]
    assert list(rows["patient_id"]) == ["1", "2"]
    assert list(rows["laterality"]) == ["L", "R"]
    assert list(rows["view"]) == ["MLO", "CC"]
    assert list(rows["assessment"]) == ["4", "1"]
    assert list(rows["label"]) == ["malignant", "normal"]
    assert list(rows["density"]) == ["C", "B"]
    assert list(rows["age"]) == [53.0, 41.0]
    assert [(entry.row, entry.action, entry.reason, entry.detail) for entry in index.audit] == [
        (2, "repaired", "several assessments", "findings of BI-RADS 2 and 4; taken as 4"),
        (2, "repaired", "outline without an extent", "left out: point"),
        (3, "dropped", "another kind of image", "subtracted"),
        (5, "dropped", "no readable label", "_"),
    ]


def test_outlines_become_boxes_in_the_pictures_pixels(root, load):
    polygon, circle, ellipse = load("cdd-cesm", root).rows["lesions"][0]
    assert polygon == Lesion(x0=10, y0=5, x1=30, y1=40, outline="box")
    assert circle == Lesion(x0=43, y0=53, x1=57, y1=67)
    assert (ellipse.x0, ellipse.y0, ellipse.x1, ellipse.y1) == pytest.approx((47, 52, 53, 68))
    assert load("cdd-cesm", root).rows["lesions"][1] == ()


def test_coordinates_that_are_texts_are_read_as_numbers(root, load, write_csv):
    shape = region("P1_L_DM_MLO.jpg", 0, name="polygon", all_points_x=["9", "30"], all_points_y=["5", "40"])
    write_csv(root / "Radiology_hand_drawn_segmentations_v2.csv", [VIA, shape])
    (lesion,) = load("cdd-cesm", root).rows["lesions"][0]
    assert lesion == Lesion(x0=9, y0=5, x1=30, y1=40, outline="box")


@pytest.mark.parametrize(
    "shape",
    [
        {"name": "polygon", "all_points_x": [1, math.nan], "all_points_y": [5, 6]},
        {"name": "polygon", "all_points_x": "12", "all_points_y": "56"},
        {"name": "rect", "x": 1, "y": 2, "width": math.inf, "height": 4},
        {"name": "rect", "x": 1, "y": 2, "width": 10**400, "height": 4},
    ],
)
def test_a_shape_without_finite_coordinates_is_left_out_and_reported(root, load, write_csv, shape):
    write_csv(root / "Radiology_hand_drawn_segmentations_v2.csv", [VIA, region("P1_L_DM_MLO.jpg", 0, **shape)])
    index = load("cdd-cesm", root)
    assert index.rows["lesions"][0] == ()
    assert [entry.row for entry in index.audit if entry.reason == "outline without an extent"] == [2]


def test_the_option_images_selects_images(root, load):
    assert list(load("cdd-cesm", root, images="subtracted").rows["image_path"]) == [
        "CDD-CESM/Subtracted images of CDD-CESM/P1_L_CM_MLO.jpg"
    ]
    both = load("cdd-cesm", root, images="both").rows
    assert list(both["image_kind"]) == ["low-energy", "subtracted", "low-energy"]
    assert list(both["density"]) == ["C", "", "B"]


def test_missing_outlines_are_reported(root, load):
    (root / "Radiology_hand_drawn_segmentations_v2.csv").unlink()
    index = load("cdd-cesm", root)
    assert index.audit[0].reason == "no outlines"
    assert list(index.rows["lesions"]) == [(), ()]


def test_an_outline_that_is_not_json_is_reported(root, load, write_csv):
    rows = [VIA, ["P1_L_DM_MLO.jpg", -1, "{}", 1, 0, "{broken", "{}"]]
    write_csv(root / "Radiology_hand_drawn_segmentations_v2.csv", rows)
    assert [entry.detail for entry in load("cdd-cesm", root).audit if entry.reason == "unreadable outline"] == [
        "row 2 of the outlines"
    ]


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise):
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(UserError, match=r"no Radiology manual annotations .*: cdd-cesm needs it"):
        load("cdd-cesm", other)
    assert recognise("cdd-cesm", root) == "Radiology-manual-annotations.xlsx with its columns"
    assert recognise("cdd-cesm", other) == ""
