"""Finding the file of a table's path: never another file than the table means."""

import unicodedata

import pytest

from birads_zoo_plugins.datasets._reading.paths import find_places
from birads_zoo_plugins.datasets._reading.tree import list_tree


@pytest.fixture
def places(tmp_path):
    """Find paths among files: `places(["a.png"], "b/a.png")` gives the path, and the reason if there is one."""

    def find(files, *written):
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        return [(place.path, place.reason) for place in find_places(list_tree(tmp_path), written)]

    return find


@pytest.mark.parametrize(
    ("files", "written", "expected"),
    [
        (["case0.png", "case0.1.png"], "case0.1", "case0.1.png"),
        (["case0.png"], "case0.1", "case0.1"),
        (["case0.1.png"], "case0.png", "case0.png"),
        (["1.2.840.113.5.0.1.png"], "1.2.840.113.5.0.1", "1.2.840.113.5.0.1.png"),
        (["1.2.840.113.5.0.1"], "1.2.840.113.5.0.1.dcm", "1.2.840.113.5.0.1"),
        (["A_1.LEFT_CC.png", "A_1.png"], "A_1.LEFT_CC", "A_1.LEFT_CC.png"),
        (["A_1.LEFT_CC.png"], "A_1.LEFT_CC.LJPEG", "A_1.LEFT_CC.png"),
        (["b/x.JPG"], "B/X.dcm", "b/x.JPG"),
        (["x.png", "x.dcm"], "x.dcm", "x.dcm"),
    ],
)
def test_the_complete_name_is_matched(places, files, written, expected):
    assert places(files, written) == [(expected, "")]


@pytest.mark.parametrize(("on_disk", "in_table"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_accents_match_however_they_are_composed(places, on_disk, in_table):
    name = unicodedata.normalize(on_disk, "Müller/ä.png")
    assert places([name], unicodedata.normalize(in_table, "Müller/ä.png")) == [(name, "")]


def test_paths_of_another_machine_are_found_by_their_end(places):
    moved = "found in another folder"
    files = ["train/a.png", "test/a.png", "b.png"]
    assert places(files, "/home/ann/d/train/a.png", "/home/ann/d/test/a.png", "/home/ann/d/b.png", "b.png") == [
        ("train/a.png", moved),
        ("test/a.png", moved),
        ("b.png", moved),
        ("b.png", ""),
    ]
    assert places(files, "C:/d/train/a.png", "C:/d/train/gone.png") == [
        ("train/a.png", moved),
        ("C:/d/train/gone.png", ""),
    ]


def test_an_absolute_path_that_exists_is_kept(places, tmp_path):
    here = (tmp_path.parent / f"{tmp_path.name}-beside.png").as_posix()
    (tmp_path.parent / f"{tmp_path.name}-beside.png").touch()
    assert places(["a.png"], here, "a.png") == [(here, ""), ("a.png", "")]


def test_a_path_outside_the_root_is_kept(places, tmp_path):
    (tmp_path.parent / f"{tmp_path.name}-up").mkdir()
    (tmp_path.parent / f"{tmp_path.name}-up/a.png").touch()
    out = f"../{tmp_path.name}-up/a.png"
    assert places(["a.png"], out) == [(out, "")]


def test_an_invalid_file_name_is_no_file(places):
    assert places(["a.png"], "x" * 5000, "a.png") == [("x" * 5000, ""), ("a.png", "")]


def test_ends_with_different_starts_are_not_taken(places):
    written = ["/one/a.png", "/two/b.png"]
    assert places(["a.png", "b.png"], *written) == [(path, "") for path in written]


def test_names_are_found_in_any_folder_if_each_fits_one_file(places):
    moved = "found in another folder"
    assert places(["img/7/41.png", "img/8/42.png", "img/9/IM0001"], "41", "8/42", "IM0001", "43", "") == [
        ("img/7/41.png", moved),
        ("img/8/42.png", moved),
        ("img/9/IM0001", moved),
        ("43", ""),
        ("", ""),
    ]


def test_none_of_several_files_with_the_same_name_is_taken(places):
    assert places(["img/1.png", "masks/1.png", "masks/2.png"], "1", "2") == [("1", "ambiguous path"), ("2", "")]


def test_a_missing_picture_is_not_replaced_by_one_elsewhere(places):
    assert places(["1.png", "masks/2.png"], "1.png", "2.png") == [("1.png", ""), ("2.png", "")]


@pytest.mark.parametrize(
    ("files", "written"),
    [
        (["7.png"], ["P1/1.png", "P2/2.png", "P9/7.png"]),
        (["1.png", "P1/2.png"], ["1.png", "P1/2.png", "/old/disk/P9/1.png"]),
        (["7.png"], ["/old/P1/1.png", "/old/P9/7.png"]),
        (["1.png"], ["P9/1.png", "P9/1.png"]),
        (["1.png", "2.png", "P1/3.png"], ["P1/3.png", "/old/P9/1.png", "/old/P9/2.png"]),
        (["1.png", "P1/3.png"], ["P1/3.png", "/old/P9/1.png", "/old/P9/a/2.png"]),
    ],
)
def test_a_picture_is_not_taken_by_its_name_alone(places, files, written):
    """The folder may be the patient's: it is ignored only where all of a table's paths begin with it."""
    assert places(files, *written) == [(path, "") for path in written]


@pytest.mark.parametrize(
    ("files", "written"),
    [
        (["img1.png"], ["/home/a/x/img1.png", "/home/a/y/img1.png"]),
        (["x/img1.png"], ["/home/a/x/img1.png", "/home/a/y/x/img1.png"]),
        (["x/img1.png", "P1/3.png"], ["P1/3.png", "/home/a/x/img1.png", "/home/a/x/img1.jpg"]),
        (["d/x/img1.png", "d/x/img2.png"], ["img1", "x/img1"]),
    ],
)
def test_no_file_is_taken_for_two_different_paths(places, files, written):
    stray = [path for path in written if path not in files]
    entries = [(path, reason) for path, reason in places(files, *written) if path not in files]
    assert entries == [(path, "ambiguous path") for path in stray]


def test_a_path_that_occurs_twice_is_found_twice(places):
    moved = "found in another folder"
    written = ["/home/a/x/1.png", "/home/a/x/1.png", "/home/a/y/2.png"]
    assert places(["x/1.png", "y/2.png"], *written) == [("x/1.png", moved), ("x/1.png", moved), ("y/2.png", moved)]


def test_all_paths_of_a_table_may_be_in_one_folder(places):
    """Other cells in the column are not paths of pictures."""
    moved = "found in another folder"
    written = ["/home/a/1.png", "/home/a/2.png", "total: 2", ""]
    assert places(["1.png", "2.png"], *written) == [("1.png", moved), ("2.png", moved), ("total: 2", ""), ("", "")]


def test_a_single_path_must_agree_in_at_least_one_folder(places):
    assert places(["P9/1.png"], "/old/disk/P9/1.png") == [("P9/1.png", "found in another folder")]
