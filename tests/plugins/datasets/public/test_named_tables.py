import pytest

from birads_zoo.errors import UserError
from birads_zoo_plugins.datasets._reading.tree import list_tree
from birads_zoo_plugins.datasets.public._shared.named_tables import find_table
from birads_zoo_plugins.datasets.public._shared.sizes import size_of
from birads_zoo_plugins.datasets.public._shared.suspicion import highest_assessment

COLUMNS = {"patient_id": ("HASTANO", "ID"), "label": ("KATEGORİSİ",)}


def test_the_shortest_name_with_all_columns_is_taken(tmp_path, write_csv):
    write_csv(tmp_path / "a/labels.csv", [["ID"], ["1"]])
    write_csv(tmp_path / "a/Labels v2.csv", [["some legend"], [], ["kategorisi", "x", "id"], ["B", "-", "2"], ["M"]])
    write_csv(tmp_path / "labels_v2_reduced.csv", [["ID", "KATEGORİSİ"], ["3", "B"]])
    table = find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS, {"age": ("Age",)})
    assert table.path == tmp_path / "a/Labels v2.csv"
    rows = [(4, {"patient_id": "2", "label": "B", "age": None}), (5, {"patient_id": None, "label": "M", "age": None})]
    assert list(table.rows()) == rows
    assert list(table.rows()) == rows  # read again


@pytest.mark.parametrize("name", ["labels of my own.xlsx", "labels.xlsx"])
def test_a_damaged_file_beside_a_valid_table_is_skipped(tmp_path, write_csv, name):
    (tmp_path / name).write_bytes(b"no workbook")
    write_csv(tmp_path / "labels_v2.csv", [["ID", "KATEGORİSİ"], ["3", "B"]])
    assert find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS).path == tmp_path / "labels_v2.csv"
    write_csv(tmp_path / "labels_v2.csv", [["ID"], ["3"]])
    with pytest.raises(UserError) as error:
        find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS)
    assert str(tmp_path / name) in str(error.value), "where none fits, the damaged file is reported"


def test_a_table_in_another_encoding_is_read_with_a_note(tmp_path):
    (tmp_path / "labels.csv").write_bytes("ID;Größe;KATEGORISI\n1;größer;B\n".encode("cp1252"))
    table = find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS)
    assert list(table.rows()) == [(2, {"patient_id": "1", "label": "B"})]
    assert [note.reason for note in table.notes] == ["encoding guessed"]


def test_a_long_table_with_a_late_encoding_error_is_refused(tmp_path):
    text = "ID,KATEGORİSİ\n" + "1,B\n" * 300_000
    (tmp_path / "labels.csv").write_bytes(text.encode() + "2,größer\n".encode("cp1252"))
    table = find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS)
    with pytest.raises(UserError, match=r"labels\.csv is not UTF-8 text: save it as CSV UTF-8"):
        list(table.rows())


def test_an_unclosed_quotation_mark_is_reported(tmp_path):
    (tmp_path / "labels.csv").write_text("ID,KATEGORİSİ\n" + '"' + "x" * 200_000, encoding="utf-8")
    table = find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS)
    with pytest.raises(UserError, match="is not a table: field larger than field limit"):
        list(table.rows())


@pytest.mark.parametrize(
    ("categories", "highest"),
    [("12", "2"), ("30", "0"), ("04", "4"), ("56", "6"), (["", "1", ""], "1"), ([], "")],
)
def test_the_most_suspicious_of_several_categories(categories, highest):
    assert highest_assessment(categories) == highest_assessment(categories[::-1]) == highest


@pytest.mark.timeout(60)
def test_a_pipe_in_place_of_a_table_is_refused(tmp_path, write_csv, as_pipe):
    file = as_pipe(write_csv(tmp_path / "labels.csv", [["ID", "KATEGORİSİ"], ["3", "B"]]))
    with pytest.raises(UserError, match=f"^cannot read the table {file}: it is a pipe or a device"):
        find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS)


@pytest.mark.timeout(60)
def test_a_table_that_becomes_a_pipe_is_refused(tmp_path, write_csv, as_pipe):
    file = write_csv(tmp_path / "labels.csv", [["ID", "KATEGORİSİ"], ["3", "B"]])
    table = find_table(list_tree(tmp_path), "some-set", "labels", COLUMNS)
    as_pipe(file)
    with pytest.raises(UserError, match=f"^cannot read the table {file}: it is a pipe or a device"):
        list(table.rows())


@pytest.mark.timeout(60)
def test_the_size_of_a_pipe_is_unknown(tmp_path, write_sized, as_pipe):
    assert size_of(write_sized(tmp_path / "a.png", (20, 30))) == (20, 30)
    assert size_of(as_pipe(tmp_path / "a.png")) is None
