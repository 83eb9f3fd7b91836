import pytest

from birads_zoo.errors import UserError

HEADER = [
    *("anon_patientid", "exam_year", "x_age", "x_case", "x_cancer_laterality", "x_type", "rad_timing", "rad_recall"),
    *("imagelaterality", "viewposition", "libra_percentdensity", "anon_filename"),
]


def row(patient, year, case, cancer_side, timing, recall, side, view, number):
    name = f"{patient}_20990909_{side[:1]}_{view}_{number}.dcm"
    return [patient, year, 1, case, cancer_side, "", timing, recall, side, view, 23.4, name]


ROWS = [
    row("00007", 2012, 1, "Left", "3.0", 0, "Left", "CC", 1),
    row("00007", 2014, 1, "Left", "1.0", 1, "Left", "MLO", 2),
    row("00007", 2014, 1, "Left", "1.0", 1, "Right", "MLO", 2),
    row("00008", 2013, 0, "", "", 0, "Right", "CC", 1),
    row("00009", 2013, 1, "Right", "2.0", 0, "Right", "CC", 1),
    row("00010", 2013, 1, "", "1.0", 0, "Right", "CC", 1),
    row("00011", 2013, 0, "", "", 0, "both", "CC", 1),
]


@pytest.fixture
def root(tmp_path, write_csv, write_picture):
    """The table, one picture in a folder of a batch, and its mask."""
    write_csv(tmp_path / "CSAW-CC_breast_cancer_screening_data.csv", [HEADER, *ROWS])
    write_picture(tmp_path / "batch_1/00007_20990909_L_MLO_2.png")
    write_picture(tmp_path / "annotations/00007_20990909_L_MLO_2_mask.png")
    return tmp_path


def test_the_label_is_of_the_pictures_breast_at_its_exam(root, load):
    rows = load("csaw-cc", root).rows
    assert list(rows["row"]) == [2, 3, 4, 5, 6, 8]
    assert list(rows["label"]) == [
        "later cancer",
        "screen-detected",
        "no cancer",
        "no cancer",
        "interval cancer",
        "no cancer",
    ]
    assert list(rows["patient_id"]) == ["00007", "00007", "00007", "00008", "00009", "00011"]
    assert list(rows["exam_id"])[:3] == ["00007_2012", "00007_2014", "00007_2014"]
    assert list(rows["laterality"]) == ["L", "L", "R", "R", "R", ""]
    assert list(rows["view"])[:2] == ["CC", "MLO"]
    assert list(rows["study_date"])[:2] == ["2012", "2014"]
    assert list(rows["recall"])[:2] == ["not recalled", "recalled"]
    assert rows["percent_density"][0] == "23.4"
    assert list(rows["image_path"])[:2] == ["00007_20990909_L_CC_1.dcm", "batch_1/00007_20990909_L_MLO_2.png"]
    assert list(rows["mask"])[:2] == ["", "annotations/00007_20990909_L_MLO_2_mask.png"]


def test_a_cancer_on_an_unknown_side_is_left_out(root, load):
    assert [(entry.row, entry.action, entry.reason, entry.detail) for entry in load("csaw-cc", root).audit] == [
        (7, "dropped", "no readable label", "x_case 1, x_cancer_laterality blank, rad_timing 1.0"),
        (8, "repaired", "unreadable laterality", "'both'; left empty"),
    ]


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise, write_csv):
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(UserError, match=r"no CSAW-CC_breast_cancer_screening_data .*: csaw-cc needs it"):
        load("csaw-cc", other)
    write_csv(other / "CSAW-CC_breast_cancer_screening_data.csv", [HEADER[:-1]])
    with pytest.raises(UserError, match="has no column 'anon_filename', which csaw-cc needs"):
        load("csaw-cc", other)
    assert recognise("csaw-cc", other) == ""
    assert recognise("csaw-cc", root) == "CSAW-CC_breast_cancer_screening_data.csv with its columns"
