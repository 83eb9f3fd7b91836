import openpyxl
import pytest

from birads_zoo.data.index.audit import select_classes
from birads_zoo.errors import UserError
from birads_zoo_plugins.datasets import LABEL


@pytest.fixture
def root(tmp_path, write_picture):
    for file in ("class 10/P3_a.png", "class 2/P1_a.jpg", "class 2/deep/P2_b.PNG", "class 2/odd.bmp"):
        write_picture(tmp_path / file)
    (tmp_path / "class 2/notes.txt").write_text("not a picture")
    (tmp_path / "README.md").write_text("beside the classes: not a sample")
    return tmp_path


def test_one_folder_per_class(root, load):
    index = load("image-folder", root)
    assert list(index.rows["image_path"]) == [
        "class 2/deep/P2_b.PNG",
        "class 2/odd.bmp",
        "class 2/P1_a.jpg",
        "class 10/P3_a.png",
    ]
    assert list(index.rows["row"]) == [1, 3, 4, 5], "files are numbered from 1, also files that are no pictures"
    assert list(index.rows["label"]) == ["class 2", "class 2", "class 2", "class 10"]
    assert set(index.rows["patient_id"]) == {""}
    (entry,) = index.audit
    assert (entry.action, entry.reason, entry.image_path) == ("dropped", "not a picture", "class 2/notes.txt")
    assert select_classes(index, LABEL).classes == ("class 2", "class 10")  # in natural order


def test_the_patient_from_the_path(root, load):
    index = load("image-folder", root, patient_pattern=r"(P\d+)_")
    assert list(index.rows["patient_id"]) == ["P2", "", "P1", "P3"]
    assert [(entry.image_path, entry.reason) for entry in index.audit if entry.action == "repaired"] == [
        ("class 2/odd.bmp", "no patient id")
    ]


def test_the_patient_from_a_table(root, load):
    table = root / "who.csv"
    table.write_text("file,Case\nclass 2/P1_a.jpg,X1\nclass 10/P3_a.png,X3\n")
    index = load("image-folder", root, table="who.csv", columns={"patient_id": "Case"})
    assert list(index.rows["patient_id"]) == ["", "", "X1", "X3"]
    with pytest.raises(UserError, match=r"who\.csv has no column for patient_id .* it has: 'file', 'Case'"):
        load("image-folder", root, table="who.csv")
    with pytest.raises(UserError) as error:
        load("image-folder", root, table="who.csv", patient_pattern="(.)")
    assert str(error.value) == "image-folder takes the patient id from --table or --patient-pattern, not from both"


def test_two_patients_for_one_picture_are_none(root, load):
    rows = ["class 2/P1_a.jpg,X1", "class 2/P1_a.jpg,X2", "class 10/P3_a.png,X3", "class 10/P3_a.png,"]
    (root / "who.csv").write_text("\n".join(["file,patient", *rows, rows[2]]))
    index = load("image-folder", root, table="who.csv")
    assert list(index.rows["patient_id"]) == ["", "", "", "X3"]
    assert [(entry.image_path, entry.detail) for entry in index.audit if entry.reason == "patient conflict"] == [
        ("class 2/P1_a.jpg", "the table says 'X1' and 'X2'; left empty")
    ]


def test_an_invalid_pattern(root, load):
    with pytest.raises(UserError) as error:
        load("image-folder", root, patient_pattern="(P")
    assert str(error.value).startswith("--patient-pattern '(P' is not a regular expression: missing )")
    with pytest.raises(UserError, match=r"has no group: put the patient id's part in parentheses, as in '\(P\\d\+\)_'"):
        load("image-folder", root, patient_pattern="P1")


def test_too_few_classes(tmp_path, load, write_picture):
    with pytest.raises(UserError, match=r"for each of at least two classes in .*; found none"):
        load("image-folder", tmp_path)
    write_picture(tmp_path / "only/a.png")
    with pytest.raises(UserError, match=r"for each of at least two classes in .*; found only 'only'"):
        load("image-folder", tmp_path)


@pytest.mark.parametrize("top", ["", "images/"])
@pytest.mark.parametrize("below", ["", "images/"])
def test_the_folders_of_a_split_are_no_classes(tmp_path, load, write_picture, top, below):
    for part in ("Train", "val", "test_images"):
        for name in ("benign", "malignant"):
            write_picture(tmp_path / f"{top}{part}/{below}{name}/{part}.png")
    index = load("image-folder", tmp_path)
    assert set(index.rows["label"]) == {"benign", "malignant"}
    splits = dict(zip(index.rows["image_path"], index.rows["split"], strict=True))
    assert splits[f"{top}Train/{below}benign/Train.png"] == "train"
    assert sorted(splits.values()) == ["test", "test", "train", "train", "val", "val"]
    (entry,) = index.audit
    assert entry.detail == "test, train, val: kept in the column split; folds do not follow it"


def test_only_classes_give_no_split(root, load):
    assert set(load("image-folder", root).rows["split"]) == {""}


def test_a_split_beside_classes_is_refused(tmp_path, load, write_picture):
    for name in ("train/benign/a.png", "train/malignant/b.png", "masks/c.png"):
        write_picture(tmp_path / name)
    with pytest.raises(UserError) as error:
        load("image-folder", tmp_path)
    assert str(error.value) == (
        f"{tmp_path} has the folder 'train', whose name cannot be a class, beside 'masks': give a root in which all "
        "folders side by side are parts of a split, or all are classes"
    )


def test_a_split_without_classes_is_refused(tmp_path, load, write_picture):
    write_picture(tmp_path / "train/a.png")
    write_picture(tmp_path / "test/b.png")
    with pytest.raises(UserError, match=r"for each of at least two classes in .*; found none"):
        load("image-folder", tmp_path)


def test_columns_without_a_table_are_refused(root, load):
    with pytest.raises(UserError, match="--column names a table's columns: give image-folder the table of patients"):
        load("image-folder", root, columns={"patient_id": "Case"})


def test_a_tables_paths_are_found_as_in_csv(root, load):
    (root / "who.csv").write_text("file,Case\n/data/all/CLASS 2/P1_a.dcm,X1\n/data/all/class 10/P3_a.png,x-1\n")
    options = {"table": "who.csv", "columns": {"patient_id": "Case"}}
    index = load("image-folder", root, **options)
    assert list(index.rows["patient_id"]) == ["", "", "X1", "x-1"]
    assert [(entry.image_path, entry.detail) for entry in index.audit if entry.reason == "found in another folder"] == [
        ("class 2/P1_a.jpg", "the table has '/data/all/CLASS 2/P1_a.dcm'"),
        ("class 10/P3_a.png", "the table has '/data/all/class 10/P3_a.png'"),
    ]
    merged = load("image-folder", root, **options, merge_ids=True).rows
    assert list(merged["patient_id"]) == ["", "", "X1", "X1"]
    assert set(merged["exam_id"]) == {""}


def test_the_sheet_of_a_table_of_patients_is_known_by_its_columns(root, load):
    book = openpyxl.Workbook()
    book.active.append(["File", "where a picture is"])
    sheet = book.create_sheet("women")
    sheet.append(["File", "Patient ID"])
    sheet.append(["class 2/P1_a.jpg", "X1"])
    book.save(root / "who.xlsx")
    assert list(load("image-folder", root, table="who.xlsx").rows["patient_id"]) == ["", "", "X1", ""]


def test_doubtful_rows_of_a_table_of_patients_are_reported(root, load, write_picture):
    write_picture(root / "class 10/odd.png")
    (root / "who.csv").write_bytes("file,Case\nodd,X1\nP3_a,Müller\n".encode("cp1252"))
    index = load("image-folder", root, table="who.csv", columns={"patient_id": "Case"})
    assert set(index.rows["patient_id"]) == {""}, (
        "a name in two folders is ambiguous, and then all others are not taken either"
    )
    entries = [(entry.row, entry.image_path, entry.reason) for entry in index.audit if entry.action == "repaired"]
    assert [item for item in entries if item[2] != "no patient id"] == [
        (0, "who.csv", "encoding guessed"),
        (0, "odd", "ambiguous path"),
    ]


def test_a_linked_folder_is_a_class_and_a_link_upwards_is_not_followed(tmp_path, load, write_picture):
    write_picture(tmp_path / "elsewhere/x.png")
    write_picture(tmp_path / "root/a/y.png")
    (tmp_path / "root/b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root/a/up").symlink_to(tmp_path / "root")
    assert list(load("image-folder", tmp_path / "root").rows["image_path"]) == ["a/y.png", "b/x.png"]
