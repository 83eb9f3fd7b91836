import pytest

from birads_zoo.errors import UserError

HEADER = ["File Path", "Image Laterality", "View Position", "Age", "Cancer", "False Positive"]
ROWS = [
    ["abnormal\\109430185503\\left\\CC\\IM-0019-0002-0001.dcm", "L", "CC", 61, 1, 0],
    ["abnormal\\209430185503\\right\\MLO\\IM-0020-0003-0001.dcm", "R", "MLO", 55, 0, 1],
    ["normal\\309430185503\\right\\MLO\\IM-0020-0003-0001.dcm", "R", "MLO", 70, 0, 0],
    ["normal\\409430185503\\right\\MLO\\IM-0020-0003-0001.dcm", "R", "MLO", 70, 1, 1],
    ["IM-0001.dcm", "R", "MLO", 70, 0, 0],
]


@pytest.fixture
def root(tmp_path, write_csv, write_picture):
    """The table beside the folder of the pictures."""
    write_csv(tmp_path / "NLBSP-metadata.csv", [HEADER, *ROWS])
    write_picture(tmp_path / "images/abnormal/109430185503/left/CC/IM-0019-0002-0001.png")
    return tmp_path


def test_outcomes_come_from_the_table_and_exams_from_the_path(root, load):
    index = load("nl-breast-screening", root)
    rows = index.rows
    assert rows["image_path"][0] == "images/abnormal/109430185503/left/CC/IM-0019-0002-0001.png"
    assert rows["image_path"][1] == "abnormal/209430185503/right/MLO/IM-0020-0003-0001.dcm"
    assert list(rows["patient_id"]) == ["109430185503", "209430185503", "309430185503", ""]
    assert list(rows["exam_id"]) == list(rows["patient_id"])
    assert list(rows["laterality"]) == ["L", "R", "R", "R"]
    assert list(rows["view"]) == ["CC", "MLO", "MLO", "MLO"]
    assert list(rows["label"]) == ["cancer", "false positive", "normal", "normal"]
    assert list(rows["age"]) == [61.0, 55.0, 70.0, 70.0]
    assert [(entry.row, entry.action, entry.reason) for entry in index.audit] == [
        (5, "dropped", "no readable label"),
        (6, "repaired", "no patient id"),
    ]


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise):
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(UserError, match=r"no NLBSP-metadata .*: nl-breast-screening needs it"):
        load("nl-breast-screening", other)
    assert recognise("nl-breast-screening", other) == ""
    assert recognise("nl-breast-screening", root) == "NLBSP-metadata.csv with its columns"
