import pytest

from birads_zoo.errors import UserError

SCORE = "Birads Skoru (EK BİLGİ OLARAK VERİLMİŞTİR, YARIŞMADA İSTENMEYECEKTİR)"
HEADER = [
    *("HASTANO", "BIRADS KATEGORİSİ", "MEME KOMPOZİSYONU", "KADRAN BİLGİSİ (SAĞ)", "KADRAN BİLGİSİ (SOL)", SCORE),
]
ROWS = [
    [822670054, "BI-RADS4-5", "C", "[]", "['ÜST DIŞ', 'MERKEZ']", "Kategori 4"],
    [822670055, "BI-RADS0", "A", None, None, "Kategori 0"],
    [822670056, "BI-RADS1-2", "B", None, None, "Kategori 1"],
    [822670057, "BI-RADS1-2", "B", None, None, "?"],
]


@pytest.fixture
def root(tmp_path, write_book, write_picture):
    """The table of the training part, and two patients' folders."""
    write_book(tmp_path / "veribilgisi.xlsx", {"Sayfa1": [HEADER, *ROWS]})
    for name in ("LCC", "LMLO", "RCC"):
        write_picture(tmp_path / f"MG_EGITIM_2/822670054/{name}.png")
    write_picture(tmp_path / "MG_EGITIM_2/822670055/RMLO.png")
    write_picture(tmp_path / "MG_EGITIM_2/822670057/RMLO.png")
    return tmp_path


def test_all_pictures_have_the_patients_category(root, load):
    rows = load("mammosightr", root).rows
    assert list(rows["image_path"]) == [
        *(f"MG_EGITIM_2/822670054/{name}.png" for name in ("LCC", "LMLO", "RCC")),
        "MG_EGITIM_2/822670055/RMLO.png",
    ]
    assert list(rows["row"]) == [1, 2, 3, 4]
    assert list(rows["patient_id"]) == ["822670054", "822670054", "822670054", "822670055"]
    assert list(rows["laterality"]) == ["L", "L", "R", "R"]
    assert list(rows["view"]) == ["CC", "MLO", "CC", "MLO"]
    assert list(rows["assessment"]) == ["4", "4", "4", "0"]
    assert list(rows["density"]) == ["C", "C", "C", "A"]
    assert list(rows["quadrants"]) == ["upper outer, centre", "upper outer, centre", "", ""]


def test_dropped_patients_are_reported(root, load):
    assert [(entry.patient_id, entry.action, entry.reason) for entry in load("mammosightr", root).audit] == [
        ("822670056", "dropped", "no picture of this patient"),
        ("822670057", "dropped", "no readable assessment"),
    ]


def test_the_missing_column_of_another_table_is_named(root, load, write_book):
    write_book(root / "veribilgisi.xlsx", {"Sayfa1": [HEADER[:-1], *ROWS]})
    with pytest.raises(UserError, match="has no column 'Birads Skoru"):
        load("mammosightr", root)


def test_a_wrong_root_and_a_recognised_one(root, tmp_path_factory, load, recognise):
    other = tmp_path_factory.mktemp("other")
    with pytest.raises(UserError, match=r"no table .* below .*: mammosightr needs it"):
        load("mammosightr", other)
    assert recognise("mammosightr", other) == ""
    assert recognise("mammosightr", root) == "veribilgisi.xlsx with its columns"
