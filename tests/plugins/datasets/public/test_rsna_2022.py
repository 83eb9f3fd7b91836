import math

import pytest

from birads_zoo.data.index.audit import check_files
from birads_zoo.data.index.samples import label_samples
from birads_zoo.errors import UserError

HEADER = (
    "site_id,patient_id,image_id,laterality,view,age,cancer,biopsy,invasive,BIRADS,implant,density,machine_id,"
    "difficult_negative_case\n"
)
ROWS = """2,10006,462822612,L,CC,61.0,0,0,0,,0,,29,False
2,10006,1459541791,L,MLO,61.0,0,0,0,,0,,29,False
1,10011,220375232,L,CC,55.0,1,1,1,0.0,1,B,49,False
1,10011,270344397,L,MLO,55.0,1,1,1,0.0,1,B,49,False
1,10011,541722628,R,CC,,0,0,0,1.0,1,B,49,True
"""


@pytest.fixture
def root(tmp_path, write):
    write(tmp_path / "train.csv", HEADER + ROWS)
    for name in ("10006/462822612", "10006/1459541791", "10011/220375232", "10011/270344397", "10011/541722628"):
        write(tmp_path / f"train_images/{name}.dcm", "DICM")
    return tmp_path


def test_one_row_per_picture(root, load):
    index = load("rsna-2022", root)
    rows = index.rows
    assert index.audit == ()
    assert list(rows["row"]) == [2, 3, 4, 5, 6]
    assert rows["image_path"][0] == "train_images/10006/462822612.dcm"
    assert list(rows["patient_id"]) == list(rows["exam_id"]) == ["10006", "10006", "10011", "10011", "10011"]
    assert list(rows["laterality"] + rows["view"]) == ["LCC", "LMLO", "LCC", "LMLO", "RCC"]
    assert list(rows["assessment"]) == ["", "", "0", "0", "1"]
    assert list(rows["label"]) == ["no cancer", "no cancer", "cancer", "cancer", "no cancer"]
    assert list(rows["density"]) == ["", "", "B", "B", "B"]
    assert rows["age"][0] == 61
    assert math.isnan(rows["age"][4])
    last = dict(rows.iloc[4])
    assert (last["source"], last["machine"], last["implant"], last["biopsy"]) == ("1", "49", "yes", "no")
    assert last["difficult_negative_case"] == "yes"
    assert len(check_files(index).rows) == 5


def test_labels_are_of_breasts(root, load, target):
    index = load("rsna-2022", root)
    samples = label_samples(index, index, target("rsna-2022", "cancer"), (), "breast")
    assert samples.labelled.classes == ("no cancer", "cancer")
    assert samples.labelled.labels.tolist() == [0, 1, 0]


@pytest.mark.parametrize("name", ["10006_462822612.png", "png/10006/462822612.png", "train_images/10006/462822612.jpg"])
def test_copies_with_other_names_are_found(tmp_path, write, load, name):
    write(tmp_path / "train.csv", HEADER + ROWS.splitlines()[0] + "\n")
    write(tmp_path / name, "a picture")
    index = load("rsna-2022", tmp_path)
    assert list(index.rows["image_path"]) == [name]


def test_a_picture_in_two_folders_is_ambiguous(tmp_path, write, load):
    write(tmp_path / "train.csv", HEADER + ROWS.splitlines()[0] + "\n")
    for folder in ("small", "large"):
        write(tmp_path / f"{folder}/10006_462822612.png", "a picture")
    index = load("rsna-2022", tmp_path)
    assert [entry.reason for entry in index.audit] == ["ambiguous path"]
    assert index.rows["image_path"][0] == "train_images/10006/462822612.dcm"


def test_an_unreadable_label_is_reported(tmp_path, write, load):
    write(tmp_path / "train.csv", HEADER + "1,1,2,L,CC,55,?,0,0,,0,,49,False\n")
    index = load("rsna-2022", tmp_path)
    assert [entry.reason for entry in index.audit] == ["unreadable label"]
    assert index.rows["label"][0] == ""


def test_errors(tmp_path, write, load):
    with pytest.raises(UserError) as error:
        load("rsna-2022", tmp_path)
    assert str(error.value) == (
        f"no train.csv below {tmp_path}: rsna-2022 needs it beside train_images/; unpack the archive"
    )
    table = write(tmp_path / "train.csv", "patient_id,label\n1,2\n")
    with pytest.raises(UserError) as error:
        load("rsna-2022", tmp_path)
    assert str(error.value) == (
        f"{table} has no column 'image_id', which rsna-2022 needs; it has: 'patient_id', 'label'; download the table "
        "again"
    )
    write(tmp_path / "train.csv", HEADER)
    with pytest.raises(UserError, match="has no row below its header"):
        load("rsna-2022", tmp_path)


def test_it_is_recognised_by_its_table(root, tmp_path, write, recognise):
    assert recognise("rsna-2022", root) == "train.csv with its columns of the RSNA challenge of 2022"
    assert recognise("rsna-2022", root / "train_images") == ""
    write(root / "train.csv", "id,label\n")
    assert recognise("rsna-2022", root) == ""
    assert recognise("rsna-2022", root / "nowhere") == ""
