import pytest

from birads_zoo.errors import UserError

FILES = ["B0/000439_L_MLO_B0_D3", "B1/000077_R_CC_B1_D2", "B2_1/000078_R_CC_B2_D1.png", "B4/000079_L_CC_B5_D4"]


@pytest.fixture
def root(tmp_path):
    """The archives' folders; files have no suffix."""
    for file in [*FILES, "B1/000080_R_CC", "B1/B1_metadata.csv", "README.md", ".hidden/000081_L_CC_B1_D1"]:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"")
    return tmp_path


def test_everything_is_in_the_name(root, load):
    rows = load("mammo-mx", root).rows
    assert list(rows["image_path"]) == FILES
    assert list(rows["patient_id"]) == ["000439", "000077", "000078", "000079"]
    assert list(rows["laterality"]) == ["L", "R", "R", "L"]
    assert list(rows["view"]) == ["MLO", "CC", "CC", "CC"]
    assert list(rows["assessment"]) == ["0", "1", "2", ""]
    assert list(rows["density"]) == ["C", "B", "A", "D"]


def test_an_unreadable_name_and_a_contradicting_folder_are_reported(root, load):
    entries = [(entry.image_path, entry.action, entry.reason, entry.detail) for entry in load("mammo-mx", root).audit]
    assert entries == [
        ("B1/000080_R_CC", "dropped", "unreadable name", ""),
        (FILES[3], "repaired", "category conflict", "the name says 5, the folder 4; left empty"),
    ]


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise):
    other = tmp_path_factory.mktemp("other")
    (other / "B1.zip").write_bytes(b"")
    with pytest.raises(UserError, match="needs the folders B0 to B6 of its archives, unpacked"):
        load("mammo-mx", other)
    assert recognise("mammo-mx", other) == ""
    assert recognise("mammo-mx", root) == "files named like 000439_L_MLO_B0_D3"
