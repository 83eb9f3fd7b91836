import pytest

from birads_zoo.data.index.audit import check_decodes, check_files, check_rows, select_classes
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion
from birads_zoo_plugins.datasets import ABNORMAL, FINDING, TISSUE

INFO = """MAMMOGRAPHIC IMAGE ANALYSIS SOCIETY
1st column: MIAS database reference number.
=====
mdb001 G CIRC B 535 425 197
mdb002 D NORM
mdb003 F CIRC B 477 133 30
mdb003 F CIRC B 500 168 26
mdb004 F CIRC B
mdb005 D CALC M *NOTE 3*
mdb006 F MISC B 233 994 29
mdb006 F MISC M 313 540 27
"""


@pytest.fixture
def root(tmp_path, write_picture):
    for film in range(1, 7):
        write_picture(tmp_path / f"pgm/mdb{film:03d}.pgm")
    (tmp_path / "pgm/Info.txt").write_text(INFO)
    return tmp_path


def test_one_row_per_film(root, load):
    index = load("mini-mias", root)
    rows = index.rows
    assert list(rows["row"]) == [4, 5, 6, 8, 9, 10]
    assert list(rows["label"]) == ["benign", "normal", "benign", "benign", "malignant", "malignant"]
    assert list(rows["tissue"]) == ["G", "D", "F", "F", "D", "F"]
    assert list(rows["patient_id"]) == ["mias001", "mias001", "mias002", "mias002", "mias003", "mias003"]
    assert list(rows["laterality"]) == ["R", "L"] * 3
    assert rows["image_path"][0] == "pgm/mdb001.pgm"
    assert [len(lesions) for lesions in rows["lesions"]] == [1, 0, 2, 0, 0, 2]
    assert len(check_files(index).rows) == 6


def test_circles_are_converted_to_the_top_left_origin(root, load):
    lesion = load("mini-mias", root).rows["lesions"][0][0]
    assert lesion == Lesion(x0=338, y0=1024 - 425 - 197, x1=732, y1=1024 - 425 + 197, outline="circle")


def test_a_film_with_both_findings_is_malignant_and_reported(root, load):
    (entry,) = load("mini-mias", root).audit
    assert (entry.row, entry.action, entry.reason) == (10, "repaired", "label conflict")
    assert entry.detail == "listed as benign and malignant; taken as malignant"


def test_the_folder_itself_is_a_root_too(root, load):
    assert load("mini-mias", root / "pgm").rows["image_path"][0] == "mdb001.pgm"


def test_targets(root, load):
    index = load("mini-mias", root)
    finding = select_classes(index, FINDING)
    assert finding.classes == ("normal", "benign", "malignant")
    assert finding.labels.tolist() == [1, 0, 1, 1, 2, 2]
    assert select_classes(index, ABNORMAL).labels.tolist() == [1, 0, 1, 1, 1, 1]
    assert select_classes(index, TISSUE).classes == ("fatty", "fatty-glandular", "dense-glandular")


def test_errors(tmp_path, load):
    with pytest.raises(UserError) as error:
        load("mini-mias", tmp_path)
    assert str(error.value) == (
        f"no Info.txt below {tmp_path}: mini-mias needs it beside its PGM files; give the folder that the archive was "
        "unpacked to"
    )
    info = tmp_path / "Info.txt"
    info.write_text("a read-me of something else")
    with pytest.raises(UserError, match=r"Info.txt lists no film \(such as 'mdb001 G CIRC B 535 425 197'\)"):
        load("mini-mias", tmp_path)
    info.write_text("mdb001 G CIRC X 1 2 3\n")
    with pytest.raises(UserError) as error:
        load("mini-mias", tmp_path)
    assert str(error.value) == f"{info}, line 1: 'mdb001 G CIRC X 1 2 3' lists no film; download the archive again"


@pytest.mark.slow
def test_the_real_archive(unpack_mini_mias, tmp_path, load):
    index = load("mini-mias", unpack_mini_mias(tmp_path, films=322))
    rows = index.rows
    assert (len(rows), rows["patient_id"].nunique()) == (322, 161)
    assert dict(rows["label"].value_counts()) == {"normal": 207, "benign": 63, "malignant": 52}
    assert dict(rows["tissue"].value_counts()) == {"D": 112, "F": 106, "G": 104}
    assert [entry.reason for entry in index.audit] == ["label conflict"]
    assert set(rows["patient_id"].value_counts()) == {2}
    usable, _ = check_decodes(check_files(check_rows(index)), lambda pixels: None)
    assert len(usable.rows) == 322
    circles = sum(len(lesions) for lesions in rows["lesions"])
    assert circles == 119  # 123 lesions; mdb059, 216, 233 and 245 have no coordinates


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_the_list_is_refused(root, load, as_pipe):
    info = as_pipe(root / "pgm/Info.txt")
    with pytest.raises(UserError, match=f"^cannot read {info}: it is a pipe or a device, not a regular file"):
        load("mini-mias", root)
