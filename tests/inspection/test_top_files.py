"""The list of files near the top of a folder, which all data sets share."""

from birads_zoo.inspection import recognition, top_files
from birads_zoo.plugin.host import load_host


def test_files_of_upper_folders_come_first_and_deep_ones_are_left_out(tmp_path):
    for name in ("z.csv", "a/b.png", "a/b/c/d.png", "a/b/c/d/e.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert top_files.files_near(tmp_path) == ("z.csv", "a/b.png", "a/b/c/d.png")
    assert top_files.files_near(tmp_path / "nowhere") == top_files.files_near(tmp_path / "z.csv") == ()


def test_a_huge_tree_is_not_read_completely(tmp_path, monkeypatch):
    for number in range(30):
        (tmp_path / f"f{number:02}").mkdir()
        for name in "ab":
            (tmp_path / f"f{number:02}" / name).touch()
    (tmp_path / "table.csv").touch()
    assert len(top_files.files_near(tmp_path)) == 61
    monkeypatch.setattr(top_files, "_ENTRIES", 41)
    assert len(top_files.files_near(tmp_path)) == 1 + 10, "31 entries of the folder, and ten more"
    monkeypatch.setattr(top_files, "_ENTRIES", 100)
    monkeypatch.setattr(top_files, "MOST", 5)
    assert len(top_files.files_near(tmp_path)) <= 5
    monkeypatch.setattr(top_files, "MOST", 1000)
    monkeypatch.setattr(top_files, "_FOLDERS", 3)
    assert len(top_files.files_near(tmp_path)) == 1 + 6


def test_all_data_sets_share_one_listing(tmp_path, monkeypatch):
    listed = []
    monkeypatch.setattr(recognition, "files_near", lambda folder: listed.append(folder) or top_files.files_near(folder))
    (tmp_path / "notes.txt").touch()
    assert recognition.recognise(tmp_path, load_host()) == ()
    assert listed == [tmp_path]
