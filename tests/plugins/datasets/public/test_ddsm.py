import math
import struct
import tarfile
import zlib

import pytest

from birads_zoo.data.index.audit import check_files, select_classes
from birads_zoo.errors import UserError
from birads_zoo.interfaces import Lesion

ICS = """
ics_version 1.0
filename {name}
DATE_OF_STUDY 2 7 1995
PATIENT_AGE {age}
FILM 
FILM_TYPE REGULAR
DENSITY {density}
DATE_DIGITIZED 7 22 1997 
DIGITIZER LUMISYS LASER
SEQUENCE
LEFT_CC LINES 48 PIXELS_PER_LINE 32 BITS_PER_PIXEL 12 RESOLUTION 50 {left}OVERLAY
LEFT_MLO LINES 48 PIXELS_PER_LINE 32 BITS_PER_PIXEL 12 RESOLUTION 50 {left}OVERLAY
RIGHT_CC LINES 48 PIXELS_PER_LINE 32 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
RIGHT_MLO LINES 40 PIXELS_PER_LINE 32 BITS_PER_PIXEL 12 RESOLUTION 50 NON_OVERLAY
"""  # noqa: W291 (as published)
MASS = """TOTAL_ABNORMALITIES 1
ABNORMALITY 1
LESION_TYPE MASS SHAPE OVAL MARGINS ILL_DEFINED
ASSESSMENT 4
SUBTLETY 3
PATHOLOGY MALIGNANT
TOTAL_OUTLINES 2
BOUNDARY
10 20 0 0 1 2 2 2 3 4 4 4 4 5 6 6 6 6 7 #
\tCORE
10 20 0 0 0 0 #
"""
TWO = (
    MASS.replace("ABNORMALITIES 1", "ABNORMALITIES 2")
    + """ABNORMALITY 2
LESION_TYPE CALCIFICATION TYPE PLEOMORPHIC DISTRIBUTION CLUSTERED
LESION_TYPE MASS SHAPE OVAL MARGINS N/A
ASSESSMENT 5
SUBTLETY 2
PATHOLOGY UNPROVEN
TOTAL_OUTLINES 1
BOUNDARY
1 1 2 9 #
"""
)
OUTLINE = Lesion(x0=9, y0=17, x1=16, y1=24, outline="box")

SMALL = """image_path,case,scanner,folder,laterality,view,marked,assessment,pathology,lesion_types,subtlety
cancers/case1/A_0001_1.LEFT_CC.png,A0001,A,cancers,L,CC,1,4,MALIGNANT,CALCIFICATION MASS,2
cancers/case1/A_0001_1.RIGHT_CC.png,A0001,A,cancers,R,CC,0,,,,
cancers/case1/B_0001_1.LEFT_MLO.png,B0001,B,cancers,L,MLO,1,5,UNPROVEN,MASS,5
normals/case1/A_0003_1.LEFT_CC.png,A0003,A,normals,L,CC,0,,,,
"""


@pytest.fixture
def root(tmp_path, write, write_sized):
    """Three cases as published, pictures converted: a cancer with two overlays, a normal one, and one without overlays.

    The second and third have the first one's number.
    """
    cancer, normal, lost = "cancers/cancer_01/case0001", "normals/normal_02/case0001", "benigns/benign_01/case0001"
    write(tmp_path / cancer / "A-0001-1.ics", ICS.format(name="A-0001-1", age=42, density=4, left=""))
    write(tmp_path / cancer / "A_0001_1.LEFT_CC.OVERLAY", MASS)
    write(tmp_path / cancer / "A_0001_1.LEFT_MLO.OVERLAY", TWO)
    for view in ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO"):
        write(tmp_path / cancer / f"A_0001_1.{view}.LJPEG", "packed")
        write_sized(tmp_path / cancer / f"A_0001_1.{view}.png", (32, 48))
    write(tmp_path / normal / "D-0001-1.ics", ICS.format(name="D-0001-1", age="00", density=0, left="NON_"))
    write_sized(tmp_path / normal / "PNGFiles/D_0001_1.LEFT_CC.png", (32, 48))
    write_sized(tmp_path / normal / "D_0001_1.LEFT_MLO.LJPEG.1.tif", (32, 48))
    write(tmp_path / lost / "C-0001-1.ics", ICS.format(name="C-0001-1", age=61, density=2, left=""))
    return tmp_path


@pytest.fixture
def small(tmp_path, write):
    folder = tmp_path / "ddsm-299"
    write(folder / "labels.csv", SMALL)
    for line in SMALL.splitlines()[1:]:
        write(folder / line.partition(",")[0], "a picture")
    return folder


def test_one_row_per_picture_of_every_case(root, load):
    index = load("ddsm", root)
    rows = index.rows
    assert list(rows["row"]) == list(range(1, 13))
    assert list(rows["patient_id"].unique()) == ["C0001", "A0001", "D0001"], "a number without the letter is no patient"
    assert list(rows["laterality"] + rows["view"]) == ["LCC", "LMLO", "RCC", "RMLO"] * 3
    assert [path.rpartition("/")[2] for path in rows["image_path"][4:10]] == [
        *(f"A_0001_1.{view}.png" for view in ("LEFT_CC", "LEFT_MLO", "RIGHT_CC", "RIGHT_MLO")),
        "D_0001_1.LEFT_CC.png",
        "D_0001_1.LEFT_MLO.LJPEG.1.tif",
    ]
    assert len(check_files(index).rows) == 6
    assert list(rows["density"]) == ["B"] * 4 + ["D"] * 4 + [""] * 4
    assert rows["age"][4] == 42
    assert math.isnan(rows["age"][8]), "00 is not an age"
    assert set(rows["study_date"]) == {"1995"}, "the order of days and months differs"
    assert set(rows["source"]) == {"LUMISYS LASER"}


def test_labels_come_from_the_overlays(root, load):
    rows = load("ddsm", root).rows
    assert list(rows["case"]) == [""] * 4 + ["cancer"] * 4 + ["normal"] * 4
    assert list(rows["assessment"]) == [""] * 4 + ["4", "5", "", ""] + [""] * 4
    assert list(rows["label"]) == [""] * 4 + ["malignant", "malignant", "", ""] + ["normal"] * 4
    assert list(rows["marked"]) == ["marked", "marked", "unmarked", "unmarked"] * 2 + [""] * 4
    assert list(rows["lesion_types"][4:6]) == ["mass", "calcification, mass"]
    assert list(rows["subtlety"][4:6]) == ["3", "2, 3"]


def test_outlines_become_boxes(root, load):
    rows = load("ddsm", root).rows
    assert list(rows["lesions"]) == [()] * 4 + [(OUTLINE,), (OUTLINE,)] + [()] * 6


def test_merged_abnormalities_and_missing_overlays_are_reported(root, load):
    entries = [(entry.row, entry.reason, entry.detail) for entry in load("ddsm", root).audit]
    missing = "the case's .ics file lists one; labels left empty"
    assert entries == [
        (1, "no overlay", missing),
        (2, "no overlay", missing),
        (6, "several abnormalities", "4 malignant, 5 ?; taken as 5 malignant"),
        (6, "unreadable outline", "of 1 abnormalities; left out"),
    ]


@pytest.mark.parametrize("code", ["10 20 " + "1" * 5000, "9" * 5000 + " 20 1", "9" * 4000 + " 20 1", "10 20 ² 1"])
def test_an_outline_that_is_not_a_chain_code_is_reported(root, load, write, code):
    write(root / "cancers/cancer_01/case0001/A_0001_1.LEFT_CC.OVERLAY", MASS.replace("10 20 0 0 1 2 2 2", code))
    index = load("ddsm", root)
    assert index.rows["lesions"][4] == ()
    assert [entry.row for entry in index.audit if entry.reason == "unreadable outline"] == [5, 6]


def test_outlines_do_not_fit_a_resized_picture(root, load, write_sized):
    write_sized(root / "cancers/cancer_01/case0001/A_0001_1.LEFT_CC.png", (16, 16))
    index = load("ddsm", root)
    assert index.rows["lesions"][4] == ()
    (entry,) = [entry for entry in index.audit if entry.reason == "picture of another size"]
    assert (entry.row, entry.detail) == (5, "the picture is not 32×48 pixels as published: 1 outlines left out")


def png(width, height, *texts):
    """A PNG's signature, header and packed texts, without pixels."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), *((b"zTXt", text) for text in texts)]
    chunks = (struct.pack(">I", len(of)) + name + of + struct.pack(">I", zlib.crc32(name + of)) for name, of in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + b"\x00\x00\x00\x00IDAT"


BMP = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 10000, 10000, 1, 24, *[0] * 6)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png(32, 48, b"a\x00\x00" + zlib.compress(bytes(1 << 22))), ""),
        (png(10000, 10000), "picture of another size"),
        (BMP, "picture of another size"),
        (b"no picture", "size unknown"),
        (png(32, 48)[:20], "size unknown"),
    ],
    ids=["a text of 4 MB", "a vast PNG", "a vast BMP", "no picture", "a short header"],
)
def test_only_the_size_of_a_picture_is_read(root, load, content, reason):
    (root / "cancers/cancer_01/case0001/A_0001_1.LEFT_CC.png").write_bytes(content)
    index = load("ddsm", root)
    assert [entry.reason for entry in index.audit if entry.row == 5] == ([reason] if reason else [])
    assert index.rows["lesions"][4] == (() if reason else (OUTLINE,))


def test_any_folder_of_the_tree_is_a_root(root, load):
    rows = load("ddsm", root / "cancers").rows
    assert list(rows["case"]) == ["cancer"] * 4


def test_a_table_of_small_pictures(small, load):
    index = load("ddsm", small)
    rows = index.rows
    assert index.audit == ()
    assert list(rows["row"]) == [2, 3, 4, 5]
    assert list(rows["patient_id"]) == ["A0001", "A0001", "B0001", "A0003"]
    assert list(rows["laterality"] + rows["view"]) == ["LCC", "RCC", "LMLO", "LCC"]
    assert list(rows["assessment"]) == ["4", "", "5", ""]
    assert list(rows["label"]) == ["malignant", "", "", "normal"]
    assert list(rows["marked"]) == ["marked", "unmarked", "marked", ""]
    assert list(rows["case"]) == ["cancer", "cancer", "cancer", "normal"]
    assert list(rows["lesion_types"]) == ["calcification, mass", "", "mass", ""]
    assert len(check_files(index).rows) == 4
    assert load("ddsm", small.parent).rows["image_path"][0] == "ddsm-299/cancers/case1/A_0001_1.LEFT_CC.png"


def test_targets(small, load, target):
    index = load("ddsm", small)
    assert select_classes(index, target("ddsm", "marked")).labels.tolist() == [1, 0, 1], "only women with cancer"
    assert select_classes(index, target("ddsm", "case")).labels.tolist() == [1, 1, 1, 0]
    assert select_classes(index, target("ddsm", "birads")).classes == ("BI-RADS 4", "BI-RADS 5")
    assert target("ddsm", "case").level == target("ddsm", "density").level == "patient"


def test_errors(root, load, tmp_path):
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    with pytest.raises(UserError) as error:
        load("ddsm", nothing)
    assert str(error.value) == (
        f"neither cases (such as case3024/B-3024-1.ics) nor labels.csv below {nothing}: ddsm needs the folders of the "
        "cases, or small pictures with that table"
    )
    case = root / "cancers/cancer_01/case0001"
    for picture in case.glob("*.png"):
        picture.unlink()
    with pytest.raises(UserError, match=r"A_0001_1.LEFT_CC.LJPEG is LJPEG, as are all pictures below .*: convert them"):
        load("ddsm", case)


def test_it_is_recognised_by_its_cases_or_its_table(root, write, recognise):
    assert recognise("ddsm", root) == "cases of DDSM, such as C-0001-1.ics"
    assert recognise("ddsm", root / "cancers/cancer_01/case0001") == "cases of DDSM, such as A-0001-1.ics"
    assert recognise("ddsm", root / "normals/normal_02/case0001/PNGFiles") == ""
    write(root / "labels.csv", SMALL)
    assert recognise("ddsm", root) == "labels.csv with its columns, as of DDSM in small pictures"


def test_the_real_table_of_small_pictures(real_data, tmp_path, load, target):
    with tarfile.open(real_data / "ddsm-299.tar") as archive:
        archive.extract("ddsm-299/labels.csv", tmp_path, filter="data")
    index = load("ddsm", tmp_path / "ddsm-299")
    rows = index.rows
    assert (len(rows), rows["patient_id"].nunique()) == (2911, 729)
    assert dict(rows.drop_duplicates("patient_id")["case"].value_counts()) == {"cancer": 579, "normal": 150}
    assert dict(rows["assessment"].value_counts()) == {"": 1710, "4": 798, "5": 318, "3": 61, "2": 21, "1": 3}
    marked = select_classes(index, target("ddsm", "marked"))
    assert (marked.labels.tolist().count(0), marked.labels.tolist().count(1)) == (1114, 1201)
    assert set(marked.index.rows["case"]) == {"cancer"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["A-0001-1.ics", "A_0001_1.LEFT_CC.OVERLAY"])
def test_a_pipe_in_place_of_a_case_or_an_overlay_is_refused(root, load, as_pipe, name):
    file = as_pipe(root / "cancers/cancer_01/case0001" / name)
    with pytest.raises(UserError, match=f"^cannot read {file}: it is a pipe or a device"):
        load("ddsm", root)
