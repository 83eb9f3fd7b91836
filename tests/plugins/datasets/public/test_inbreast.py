import plistlib

import pytest

from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

SHEET = """Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads
removed;removed;R;CC;201001;22678622;4;2
removed;removed;L;MLO;201001;22678646;4;4a
removed;removed;R;CC;201012;22678694; ;6
removed;removed;L;CC;200911;22678787;1;1
;;;;;;;
;;;;;total: 4;;
"""
PATIENT = "61b13c59bcba149e"


def contours(*regions):
    rois = [{"Name": name, "NumberOfPoints": len(points), "Point_px": points} for name, points in regions]
    return plistlib.dumps({"Images": [{"ImageIndex": 0, "NumberOfROIs": len(rois), "ROIs": rois}]})


@pytest.fixture
def root(tmp_path, write):
    release = tmp_path / "INbreast Release 1.0"
    write(release / "INbreast.csv", SHEET)
    write(release / f"AllDICOMs/22678622_{PATIENT}_MG_R_CC_ANON.dcm", "DICM")
    write(release / f"AllDICOMs/22678646_{PATIENT}_MG_L_ML_ANON.dcm", "DICM")
    write(release / "AllDICOMs/22678694_0b7396cdccacca82_MG_R_CC_ANON.dcm", "DICM")
    marks = contours(
        ("Mass", ["(10.500000, 20.000000)", "(30.000000, 25.250000)", "(12.000000, 40.000000)"]),
        ("Calcification", ["(5.0, 6.0)"]),
        ("Cluster", []),
    )
    (release / "AllXML").mkdir()
    (release / "AllXML/22678646.xml").write_bytes(marks)
    (release / "PectoralMuscle").mkdir()
    (release / "PectoralMuscle/22678622.xml").write_bytes(contours(("Pectoral Muscle", ["(1.0, 2.0)"])))
    return tmp_path


def test_one_row_per_picture(root, load):
    index = load("inbreast", root)
    rows = index.rows
    assert index.audit == ()
    assert list(rows["row"]) == [2, 3, 4, 5]
    assert rows["image_path"][1] == f"INbreast Release 1.0/AllDICOMs/22678646_{PATIENT}_MG_L_ML_ANON.dcm"
    assert rows["image_path"][3] == "AllDICOMs/22678787.dcm", "the engine reports missing pictures"
    assert list(rows["patient_id"]) == [PATIENT, PATIENT, "0b7396cdccacca82", ""]
    assert rows["exam_id"][0] == f"{PATIENT}_2010-01"
    assert list(rows["laterality"] + rows["view"]) == ["RCC", "LMLO", "RCC", "LCC"]
    assert list(rows["assessment"]) == ["2", "4", "6", "1"]
    assert list(rows["subcategory"]) == ["", "4A", "", ""]
    assert list(rows["density"]) == ["D", "D", "", "A"]
    assert list(rows["study_date"]) == ["2010-01", "2010-01", "2010-12", "2009-11"]


def test_contours_become_boxes(root, load):
    rows = load("inbreast", root).rows
    mass = Lesion(x0=10.5, y0=20, x1=30, y1=40, outline="box")
    speck = Lesion(x0=5, y0=6, x1=5, y1=6, outline="box")
    assert list(rows["lesions"]) == [(), (mass, speck), (), ()], "the pectoral muscle is not a lesion"
    assert list(rows["findings"]) == ["", "Mass, Calcification", "", ""]


@pytest.mark.parametrize(("size", "marks"), [((2560, 3328), 2), ((512, 512), 0)])
def test_a_converted_picture_keeps_its_marks_if_it_kept_its_size(root, load, write_sized, size, marks):
    release = root / "INbreast Release 1.0"
    (release / f"AllDICOMs/22678646_{PATIENT}_MG_L_ML_ANON.dcm").unlink()
    write_sized(release / "AllPNGs/22678646.png", size)
    index = load("inbreast", root)
    assert len(index.rows["lesions"][1]) == marks
    reasons = {entry.reason for entry in index.audit if entry.row == 3}
    assert reasons == {"no patient id"} | ({"picture of another size"} if not marks else set())


@pytest.mark.parametrize("content", [b"<plist>not really", b"\x00\x01", plistlib.dumps({"Images": 1})])
def test_contours_that_cannot_be_read_are_reported(root, load, content):
    (root / "INbreast Release 1.0/AllXML/22678646.xml").write_bytes(content)
    index = load("inbreast", root)
    assert [(entry.row, entry.reason) for entry in index.audit] == [(3, "unreadable contours")]
    assert index.rows["lesions"][1] == ()


@pytest.mark.parametrize("point", ["(1.2.3, 4)", "(nan, 4)", "(1e999, 4)", "(1, 4"])
def test_a_contour_with_a_damaged_point_is_left_out_and_the_others_stay(root, load, point):
    marks = contours(("Mass", ["(1.0, 2.0)", point]), ("Cluster", ["(5.0, 6.0)"]))
    (root / "INbreast Release 1.0/AllXML/22678646.xml").write_bytes(marks)
    index = load("inbreast", root)
    assert [(entry.row, entry.reason) for entry in index.audit] == [(3, "unreadable contours")]
    assert "Mass" in index.audit[0].detail
    assert index.rows["findings"][1] == "Cluster"
    assert index.rows["lesions"][1] == (Lesion(x0=5, y0=6, x1=5, y1=6, outline="box"),)


def test_entities_in_the_contours_are_not_expanded(root, load):
    bomb = b'<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaa">]><plist><dict><key>&a;</key></dict></plist>'
    (root / "INbreast Release 1.0/AllXML/22678646.xml").write_bytes(bomb)
    (entry,) = load("inbreast", root).audit
    assert entry.reason == "unreadable contours"


def test_errors(root, tmp_path, write, load):
    sheet = root / "INbreast Release 1.0/INbreast.csv"
    sheet.rename(sheet.with_suffix(".xls"))
    with pytest.raises(UserError) as error:
        load("inbreast", root)
    assert str(error.value) == (
        f"{sheet.with_suffix('.xls')} is an old workbook: save it there as INbreast.csv or INbreast.xlsx"
    )
    with pytest.raises(UserError, match=r"no INbreast.csv below .*: inbreast needs the sheet of the release"):
        load("inbreast", root / "INbreast Release 1.0/AllXML")
    write(sheet, SHEET.splitlines()[0] + "\n;;;;;;;\n")
    with pytest.raises(UserError, match="names no picture"):
        load("inbreast", root)


def test_it_is_recognised_by_its_sheet(root, write, recognise):
    assert recognise("inbreast", root) == "INbreast.csv with its columns"
    assert recognise("inbreast", root / "INbreast Release 1.0") == "INbreast.csv with its columns"
    write(root / "INbreast Release 1.0/INbreast.csv", "a;b\n")
    assert recognise("inbreast", root) == ""


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_contours_is_reported(root, load, as_pipe):
    as_pipe(root / "INbreast Release 1.0/AllXML/22678646.xml")
    (entry,) = load("inbreast", root).audit
    place = "INbreast Release 1.0/AllXML/22678646.xml"
    assert entry.reason == "unreadable contours"
    assert entry.detail == f"{place}: it is a pipe or a device, not a regular file; left out"


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_the_sheet_is_refused(root, load, as_pipe):
    sheet = as_pipe(root / "INbreast Release 1.0/INbreast.csv")
    with pytest.raises(UserError, match=f"^cannot read the table {sheet}: it is a pipe or a device"):
        load("inbreast", root)
