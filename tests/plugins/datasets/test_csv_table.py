import pytest

from birads_zoo.data.audit import check_rows, choose_target, select_classes
from birads_zoo.errors import UserError
from birads_zoo_plugins.datasets import LABEL, birads_zoo_datasets


def test_columns_match_by_their_usual_names(tmp_path, load, write_picture):
    write_picture(tmp_path / "img/A.PNG")
    (tmp_path / "t.csv").write_text(
        "\ufeffImage Path;Patient ID;BI-RADS;Breast density;side;view;age;date\n"
        "img/a.dcm;P 1;4a;3;left;mlo;055Y;2019-03\n"
        "img/b.png;P2;nonsense;9;?;CC;;3/4/2018\n"
    )
    index = load("csv", tmp_path)
    assert list(index.rows["image_path"]) == ["img/A.PNG", "img/b.png"]
    first = index.rows.iloc[0]
    assert (first["patient_id"], first["assessment"], first["density"]) == ("P1", "4", "C")
    assert (first["laterality"], first["view"], first["age"]) == ("L", "MLO", 55)
    assert list(index.rows["exam_id"]) == ["P1_2019-03", "P2_2018"]
    assert list(index.rows["row"]) == [2, 3]
    assert {(entry.row, entry.reason) for entry in index.audit} == {
        (3, "unreadable assessment"),
        (3, "unreadable density"),
    }


def test_a_mapping_goes_before_any_guess(tmp_path, load):
    (tmp_path / "t.tsv").write_text("path\tother path\tlabel\tverdict\na.png\tb.png\tx\ty\n")
    rows = load("csv", tmp_path, columns={"image_path": "other path", "label": "verdict"}).rows
    assert (rows["image_path"][0], rows["label"][0]) == ("b.png", "y")


def test_exams_have_the_tables_ids_or_else_their_dates(tmp_path, load):
    (tmp_path / "t.csv").write_text(
        "path,patient,Exam ID,visit,date,label\na.png,p,7,v1,2019,x\nb.png,p,,v2,2019,y\nc.png,,7,v1,2019,y\n"
    )
    assert load("csv", tmp_path).rows["exam_id"].tolist() == ["p_7", "p_2019", ""]
    assert load("csv", tmp_path, columns={"exam_id": "visit"}).rows["exam_id"].tolist() == ["p_v1", "p_v2", ""]


def test_labels_make_their_own_classes(tmp_path, load):
    (tmp_path / "t.csv").write_text("path,label\na.png,none\nb.png,mass\nc.png,\n")
    labelled = select_classes(load("csv", tmp_path), LABEL)
    assert labelled.classes == ("mass", "none")
    assert labelled.labels.tolist() == [1, 0]
    assert [entry.reason for entry in labelled.index.audit] == ["no label"]


def test_errors(tmp_path, load):
    with pytest.raises(UserError) as error:
        load("csv", tmp_path)
    assert str(error.value) == f"data set 'csv' needs one table in {tmp_path}, found none: name it with --table FILE"
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("path,weather\na.png,fine\n")
    two.write_text("path,birads\n")
    with pytest.raises(UserError, match=r"found 'one\.csv', 'two\.csv': name it with --table FILE"):
        load("csv", tmp_path)
    with pytest.raises(UserError) as error:
        load("csv", tmp_path, table="one.csv")
    assert str(error.value) == (
        f"{one} has no column for any of assessment, label, density; it has: 'path', 'weather'; "
        "name one with --column assessment=THEIRS"
    )
    with pytest.raises(UserError, match=r"two\.csv has no row below its header"):
        load("csv", tmp_path, table="two.csv")
    one.write_bytes(b"path,birads\n\xff\xfe,1\n")
    with pytest.raises(UserError, match=r"one\.csv is damaged or no CSV file"):
        load("csv", tmp_path, table="one.csv")
    one.write_text("")
    with pytest.raises(UserError, match=r"has no column for image_path \(such as 'image path'\); it has: none"):
        load("csv", tmp_path, table="one.csv")


def test_cbis_ddsm(real_data, load):
    spec = next(spec for spec in birads_zoo_datasets() if spec.name == "csv")
    root = real_data / "cbis-ddsm-csv"
    index = load("csv", root, table="mass_case_description_train_set.csv")
    assert (len(index.rows), index.rows["patient_id"].nunique()) == (1318, 691)
    assert set(index.rows["assessment"]) == set("012345")
    assert set(index.rows["density"]) == set("ABCD")
    assert set(index.rows["laterality"]) == {"L", "R"}
    assert set(index.rows["view"]) == {"CC", "MLO"}
    left = check_rows(index)  # an image has a row for each of its abnormalities
    assert left.rows["image_path"].is_unique
    assert {entry.reason for entry in left.audit} == {"duplicate path", "label conflict"}
    assert select_classes(left, choose_target(spec, "suspicious", left)).classes == ("BI-RADS 1-3", "BI-RADS 4-5")
    calcifications = load("csv", root, table="calc_case_description_test_set.csv")
    assert not (calcifications.rows["image_path"].str.contains("\n")).any()
