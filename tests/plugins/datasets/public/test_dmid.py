import pytest

from birads_zoo.errors import UserError

ROWS = [
    ["Information of the columns", None],
    ["1st column", "image reference number"],
    ["IMG001 ", "CCLT", "G", "CIRC", "B ", 1200, 900, 150],
    ["IMG001 ", "CCLT", "G", "SPIC", "M", 300, 400, 90],
    ["IMG002", "MLORT", "D", "NORM", "N", None, None, None],
    ["IMG003", "XCC", "F", "CALC", "B", 10, 20, 30],
    ["IMG004", "CCRT", "F", "CALC", "?", 10, 20, 30],
]
REPORTS = {
    "Img001.txt": "BREAST COMPOSITION:\nACR-C (heterogeneously dense).\n1.5 cm mass in 12 o'clock\nBIRADS: 4a & 2\n",
    "Img002.txt": "Breast Composition: ACR B\nBI-RADS : 1\n",
    "Img003.txt": "ACR A\nBIRADS: not given\n",
}


@pytest.fixture
def root(tmp_path, write_book, write_picture):
    """The release as it is unpacked: each archive has a folder with its own name inside."""
    write_book(tmp_path / "Metadata.xlsx", {"Sheet1": ROWS})
    for name, text in REPORTS.items():
        (tmp_path / "Reports/Reports").mkdir(parents=True, exist_ok=True)
        (tmp_path / "Reports/Reports" / name).write_text(text)
    write_picture(tmp_path / "TIFF Images/TIFF Images/IMG001.tif")
    write_picture(tmp_path / "DICOM Images/IMG001.png")
    write_picture(tmp_path / "ROI Masks/ROI Masks/IMG001.tif")
    return tmp_path


def test_one_row_per_image_from_sheet_and_report(root, load):
    rows = load("dmid", root).rows
    assert list(rows["image_path"]) == [
        "TIFF Images/TIFF Images/IMG001.tif",
        "TIFF Images/IMG002.tif",
        "TIFF Images/IMG003.tif",
    ]
    assert list(rows["row"]) == [3, 5, 6]
    assert list(rows["patient_id"]) == ["", "", ""]
    assert list(rows["laterality"]) == ["L", "R", ""]
    assert list(rows["view"]) == ["CC", "MLO", ""]
    assert list(rows["assessment"]) == ["4", "1", ""]
    assert list(rows["subcategory"]) == ["4A", "", ""]
    assert list(rows["label"]) == ["malignant", "normal", "benign"]
    assert list(rows["density"]) == ["C", "B", "A"]
    assert list(rows["abnormality"]) == ["CIRC SPIC", "NORM", "CALC"]
    assert list(rows["mask"]) == ["ROI Masks/ROI Masks/IMG001.tif", "", ""]
    assert list(rows["lesions"]) == [(), (), ()]


def test_merged_and_unreadable_values_are_reported(root, load):
    assert [(entry.row, entry.action, entry.reason, entry.detail) for entry in load("dmid", root).audit] == [
        (3, "repaired", "several assessments", "findings of BI-RADS 2 and 4; taken as 4"),
        (3, "repaired", "label conflict", "listed as malignant and benign; taken as malignant"),
        (6, "repaired", "unreadable view", "'XCC'; side and view left empty"),
        (6, "repaired", "no assessment", "'not given' is not a category; left empty"),
        (7, "dropped", "no readable label", ""),
    ]


@pytest.mark.parametrize(
    ("line", "category"),
    [
        ("BIRADS: 3", "3"),
        ("BIRADS 0", "0"),
        ("BI-RADS: IV", "4"),
        ("BIRADS II", "2"),
        ("BI-RADS category 4", "4"),
        ("BIRADS:5.", "5"),
        ("BIRADS: 12", ""),
        ("BIRADS: I advise 2 views", ""),
        ("BIRADS 2, review after 4 weeks", "2"),
        ("BIRADS 2, 4 weeks", "2"),
        ("BIRADS 2, 4-6 weeks", "2"),
        ("BIRADS 3, 6/12", "3"),
        ("BIRADS: 3, 6-month review", "3"),
        ("BIRADS: 3, follow up in 6 months", "3"),
        ("BIRADS 4B (6 o'clock)", "4"),
        ("BIRADS 4 - 6 o'clock", "4"),
        ("BI-RADS: 1. Screening every 2 years", "1"),
        ("BIRADS 2 / 3, 4a and 5 in the left breast", "5"),
        ("BIRADS 2-3", "3"),
        ("BIRADS 2 right, 4 left", "4"),
    ],
)
def test_the_category_of_a_report(root, load, line, category):
    (root / "Reports/Reports/Img002.txt").write_text(f"ACR B\n{line}\n")
    assert load("dmid", root).rows["assessment"][1] == category


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise, write_book):
    other = tmp_path_factory.mktemp("other")
    write_book(other / "Metadata.xlsx", {"Sheet1": [["ID", "x"], ["a", 1]]})
    with pytest.raises(UserError, match=r"no Metadata\.xlsx below .* with rows like 'IMG001"):
        load("dmid", other)
    assert recognise("dmid", other) == ""
    assert recognise("dmid", root) == "Metadata.xlsx with rows for IMG001 and others"


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_a_report_is_refused(root, load, as_pipe):
    report = as_pipe(root / "Reports/Reports/Img001.txt")
    with pytest.raises(UserError, match=f"^cannot read the report {report}: it is a pipe or a device"):
        load("dmid", root)
