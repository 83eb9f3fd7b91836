import pytest

from birads_zoo.data.index.audit import check_rows, choose_target, select_classes
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


def test_a_mapping_overrides_any_guess(tmp_path, load):
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
    (tmp_path / "t.csv").write_text("path,label\na.png,normal\nb.png,mass\nc.png,\n")
    labelled = select_classes(load("csv", tmp_path), LABEL)
    assert labelled.classes == ("mass", "normal")
    assert labelled.labels.tolist() == [1, 0]
    assert [entry.reason for entry in labelled.index.audit] == ["no label"]


@pytest.mark.parametrize("word", ["NA", "n/a", "null", "none", "nan", "-", "–", ".", "#N/A", "?", "unknown", "\u200b"])
def test_a_word_for_a_missing_value_is_no_label(tmp_path, load, word):
    (tmp_path / "t.csv").write_text(f"path,label\na.png,x\nb.png,{word}\nc.png,\n", encoding="utf-8")
    index = load("csv", tmp_path)
    assert index.rows["label"].tolist() == ["x", "", ""]
    assert [(entry.row, entry.reason, entry.detail) for entry in index.audit] == [
        (3, "label that says nothing", f"{word!r}; left empty")
    ], "a blank cell needs no word"


def test_a_column_can_be_combined_from_several(tmp_path, load, write_picture):
    for name in ("train_images/7/41.png", "train_images/8/42.png", "other/41.png"):
        write_picture(tmp_path / name)
    (tmp_path / "t.csv").write_text("Patient ID,image_id,cancer\n7,41,0\n8,42,1\n8,,1\n")
    columns = {
        "image_path": "train_images/{patient_id}/{image_id}",
        "label": "cancer",
        "exam_id": "{cancer}-{image_id}",
    }
    rows = load("csv", tmp_path, columns=columns).rows
    assert rows["image_path"].tolist() == ["train_images/7/41.png", "train_images/8/42.png", ""]
    assert rows["exam_id"].tolist() == ["7_0-41", "8_1-42", ""]
    with pytest.raises(UserError, match=r"has no column 'imageid2' \(for image_path\); did you mean 'image_id'\?"):
        load("csv", tmp_path, columns={"image_path": "{patient_id}/{imageid2}", "label": "cancer"})


def test_subcategories_are_kept(tmp_path, load):
    (tmp_path / "t.csv").write_text("path,birads\na.png,4A\nb.png,BI-RADS 4c\nc.png,4\nd.png,3\n")
    rows = load("csv", tmp_path).rows
    assert rows["assessment"].tolist() == ["4", "4", "4", "3"]
    assert rows["subcategory"].tolist() == ["4A", "4C", "", ""]


def test_the_pattern_gives_the_patient_where_the_table_does_not(tmp_path, load):
    (tmp_path / "t.csv").write_text("path,patient,label\nP1_a.png,,x\nP2_b.png,P2,y\nc.png,,y\n")
    index = load("csv", tmp_path, patient_pattern=r"(P\d+)_")
    assert index.rows["patient_id"].tolist() == ["P1", "P2", ""]
    assert [(entry.row, entry.reason) for entry in index.audit] == [(4, "no patient id")]
    (tmp_path / "t.csv").write_text("path,patient,label\nP1_a.png,P1,x\nP2_b.png,P3,y\n")
    with pytest.raises(UserError, match="row 3: the patient is 'P3' by the table and 'P2' by --patient-pattern: leave"):
        load("csv", tmp_path, patient_pattern=r"(P\d+)_")


def test_the_pattern_is_searched_in_the_real_path_before_the_tables_path(tmp_path, load, write_picture):
    for name in ("P1/a.png", "P2/a.png"):
        write_picture(tmp_path / name)
    (tmp_path / "t.csv").write_text("path,label\nimages/P1/a.png,x\nimages/P2/a.png,y\n")
    assert load("csv", tmp_path, patient_pattern=r"^([^/]+)/").rows["patient_id"].tolist() == ["P1", "P2"]
    assert load("csv", tmp_path, patient_pattern=r"images/P(\d)").rows["patient_id"].tolist() == ["1", "2"]


def test_two_paths_of_another_machine_with_the_same_end_are_reported_and_not_guessed(tmp_path, load, write_picture):
    write_picture(tmp_path / "img1.png")
    (tmp_path / "t.csv").write_text("path,patient,label\n/home/a/x/img1.png,P1,x\n/home/a/y/img1.png,P1,x\n")
    index = load("csv", tmp_path)
    assert index.rows["image_path"].tolist() == ["/home/a/x/img1.png", "/home/a/y/img1.png"]
    assert {(entry.reason, entry.detail) for entry in index.audit} == {
        ("ambiguous path", "may be img1.png, like another path of the table: write paths that start at the root")
    }
    assert [(entry.row, entry.patient_id) for entry in index.audit] == [(2, "P1"), (3, "P1")]


def test_a_guessed_encoding_is_reported(tmp_path, load, write_picture):
    write_picture(tmp_path / "Müller.png")
    (tmp_path / "t.csv").write_bytes("path;label\nMüller.png;groß\n".encode("cp1252"))
    index = load("csv", tmp_path)
    assert index.rows["image_path"].tolist() == ["Müller.png"]
    assert index.rows["label"].tolist() == ["groß"]
    (entry,) = index.audit
    assert (entry.row, entry.reason, entry.image_path) == (0, "encoding guessed", "t.csv")
    assert entry.detail == "it is not UTF-8 and was read as Windows-1252: right if it says 'Müller.png'"


def test_other_entries_of_a_row_have_its_merged_patient(tmp_path, load):
    (tmp_path / "t.csv").write_text("path,patient,age,label\na.png,P1,old,x\nb.png,p1,old,y\nc.png,P2,old,y\n")
    audit = load("csv", tmp_path, merge_ids=True).audit
    ages = [(entry.row, entry.patient_id) for entry in audit if entry.reason == "unreadable age"]
    assert ages == [(2, "P1"), (3, "P1"), (4, "P2")]


def test_ids_are_merged_on_request(tmp_path, load):
    ids = ["P-07", "p07", "P\u200b7", "12", "12.0", "P8"]
    lines = [f"{at}.png,{patient_id},2019,x" for at, patient_id in enumerate(ids)]
    (tmp_path / "t.csv").write_text("path,patient,date,label\n" + "\n".join(lines), encoding="utf-8")
    assert load("csv", tmp_path).rows["patient_id"].tolist() == ids
    index = load("csv", tmp_path, merge_ids=True)
    assert index.rows["patient_id"].tolist() == ["P-07", "P-07", "P-07", "12", "12", "P8"]
    assert index.rows["exam_id"].tolist()[2:5] == ["P-07_2019", "12_2019", "12_2019"]
    assert [(entry.row, entry.patient_id, entry.detail) for entry in index.audit] == [
        (3, "P-07", "'p07' taken as 'P-07'"),
        (4, "P-07", "'P\\u200b7' taken as 'P-07'"),
        (6, "12", "'12.0' taken as '12'"),
    ]


def test_errors(tmp_path, load):
    with pytest.raises(UserError) as error:
        load("csv", tmp_path)
    assert str(error.value) == f"data set 'csv' needs one table in {tmp_path}, found none: name it with --table FILE"
    first, second = tmp_path / "one.csv", tmp_path / "two.csv"
    first.write_text("path,weather\na.png,fine\n")
    second.write_text("path,birads\n")
    with pytest.raises(UserError, match=r"found 'one\.csv', 'two\.csv': name it with --table FILE"):
        load("csv", tmp_path)
    with pytest.raises(UserError) as error:
        load("csv", tmp_path, table="one.csv")
    assert str(error.value) == (
        f"{first} has no column for any of assessment, label, density; it has: 'path', 'weather'; "
        "name one with --column assessment=NAME"
    )
    with pytest.raises(UserError, match=r"two\.csv has no row below its header"):
        load("csv", tmp_path, table="two.csv")
    first.write_bytes(b"path,birads\n\x81\xfe,1\n")
    with pytest.raises(UserError, match=r"one\.csv is not text in UTF-8, UTF-16 or Windows-1252: save it as CSV UTF-8"):
        load("csv", tmp_path, table="one.csv")
    first.write_text('path,birads\na.png,"1\n' + "b.png,1\n" * 20_000)
    with pytest.raises(UserError, match=r"one\.csv is not a table: field larger than .*; look for a quotation mark"):
        load("csv", tmp_path, table="one.csv")
    first.write_text("")
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


@pytest.mark.parametrize("name", ["source", "Site", "site_id", "Hospital", "scanner", "Manufacturer"])
def test_the_source_of_a_picture_is_known_by_its_usual_names(tmp_path, load, name):
    (tmp_path / "t.csv").write_text(f"path,label,{name}\na.png,x, North \nb.png,y,NA\n")
    assert load("csv", tmp_path).rows["source"].tolist() == ["North", ""]
