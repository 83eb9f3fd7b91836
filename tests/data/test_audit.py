from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from birads_zoo.data.index.audit import (
    ENTRY_COLUMNS,
    check_decodes,
    check_files,
    check_rows,
    choose_target,
    drop,
    drop_unlabelled,
    entries_frame,
    select_classes,
    summarise,
)
from birads_zoo.data.index.classes import count_classes, natural_key
from birads_zoo.errors import UserError
from birads_zoo.interfaces import INDEX_COLUMNS, AuditEntry, DatasetSpec, Index, Target

BIRADS = Target(
    name="birads", column="assessment", classes={f"BI-RADS {n}": (str(n),) for n in range(1, 6)}, ordinal=True
)
LABEL = Target(name="label", column="label", classes=None)


@pytest.fixture
def make_index(tmp_path):
    """An index from rows of (image_path, patient_id, assessment)."""

    def make(*rows, audit=(), **columns):
        frame = pd.DataFrame({name: [""] * len(rows) for name in INDEX_COLUMNS}).astype("str")
        frame["row"] = range(2, len(rows) + 2)
        for name, at in (("image_path", 0), ("patient_id", 1), ("assessment", 2)):
            frame[name] = pd.Series([row[at] for row in rows], dtype="str")
        for name, values in columns.items():
            frame[name] = values
        return Index(root=tmp_path, rows=frame, audit=audit)

    return make


def reasons(index):
    return {entry.row: entry.reason for entry in index.audit if entry.action == "dropped"}


def test_dropped_rows_are_recorded_and_the_rest_renumbered(make_index):
    index = make_index(("a", "P1", "1"), ("b", "P2", "2"), ("c", "P3", "3"))
    left = drop(index, {2: ("late", ""), 1: ("broken", "in two")})
    assert list(left.rows["image_path"]) == ["a"]
    assert list(left.rows.index) == [0]
    assert left.audit == (
        AuditEntry(row=3, image_path="b", patient_id="P2", action="dropped", reason="broken", detail="in two"),
        AuditEntry(row=4, image_path="c", patient_id="P3", action="dropped", reason="late"),
    )
    assert len(index.rows) == 3
    assert index.audit == ()
    assert drop(index, {}) is index


def test_rows_that_name_the_same_path(make_index):
    index = make_index(
        ("a", "P1", "1"), ("a", "P1", "1"), ("b", "P2", "1"), ("b", "P2", "4"), ("c", "P3", "1"), ("c", "P4", "1"),
        ("", "P5", "1"), ("", "P5", "2"), ("d", "P6", "1"),
    )  # fmt: skip
    left = check_rows(index)
    assert list(left.rows["image_path"]) == ["a", "", "", "d"]
    assert reasons(left) == {
        3: "duplicate path",
        4: "label conflict",
        5: "label conflict",
        6: "patient conflict",
        7: "patient conflict",
    }
    assert [entry.detail for entry in left.audit][:2] == ["row 2 names a already", "rows 4, 5: assessment '1' or '4'"]


def test_a_blank_agrees_with_every_value_and_the_fullest_row_stays(make_index):
    left = check_rows(make_index(("a", "", "4"), ("a", "P1", "4"), ("b", "P2", ""), ("b", "P2", "1"), ("b", "P3", "")))
    assert list(left.rows["row"]) == [3]
    assert reasons(left) == {
        2: "duplicate path",
        4: "patient conflict",
        5: "patient conflict",
        6: "patient conflict",
    }
    assert {entry.row: entry.detail for entry in left.audit}[2] == "row 3 names a already"
    assert {entry.row: entry.detail for entry in left.audit}[4] == "rows 4, 5, 6: patient_id 'P2' or 'P3'"


def test_files(make_index, tmp_path):
    (tmp_path / "good.png").write_bytes(b"x")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    rows = [(path, "P", "1") for path in ("good.png", "empty.png", "gone.png", "folder.png", "good.png/x.png", "")]
    left = check_files(make_index(*rows))
    assert list(left.rows["image_path"]) == ["good.png"]
    assert reasons(left) == {3: "empty file", 4: "no file", 5: "no file", 6: "no file", 7: "no file"}


def test_a_path_of_another_machine_is_explained(make_index):
    left = check_files(make_index(("/home/ann/a.png", "P", "1"), ("C:/d/a.png", "P", "1"), ("d/a.png", "P", "1")))
    detail = "no such place on this machine: write paths from the root on"
    assert [(entry.reason, entry.detail) for entry in left.audit] == [
        ("no file", detail),
        ("no file", detail),
        ("no file", ""),
    ]


def test_a_file_that_may_not_be_read(make_index, tmp_path, monkeypatch):
    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    left = check_files(make_index(("a.png", "P", "1")))
    assert [(entry.reason, entry.detail) for entry in left.audit] == [("unreadable file", "Permission denied")]


def test_pictures(make_index, tmp_path):
    Image.new("L", (40, 40)).save(tmp_path / "good.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:300])
    (tmp_path / "page.jpg").write_text("<html>404</html>")
    Image.new("L", (1, 1)).save(tmp_path / "dot.png")
    # 60000×60000 in the header, and next to nothing behind it
    (tmp_path / "huge.pgm").write_bytes(b"P5\n60000 60000\n255\n" + bytes(100))
    shown = []
    index = make_index(*[(path, "P", "1") for path in ("good.jpg", "cut.jpg", "page.jpg", "dot.png", "huge.pgm")])
    left, shapes = check_decodes(index, lambda pixels: pixels.shape, lambda done, total: shown.append((done, total)))
    assert list(left.rows["image_path"]) == ["good.jpg"]
    assert reasons(left) == {3: "does not decode", 4: "does not decode", 5: "too small", 6: "too large"}
    assert shapes == ((40, 40),), "only the pictures that are left were looked at"
    assert shown == [(done, 5) for done in range(1, 6)]


def test_classes(make_index):
    index = make_index(*[(f"{at}", "P", value) for at, value in enumerate(["5", "1", "", "0", "3", "1"])])
    labelled = select_classes(index, BIRADS)
    assert labelled.classes == ("BI-RADS 1", "BI-RADS 3", "BI-RADS 5")  # those without rows are left out
    assert labelled.labels.tolist() == [2, 0, 1, 0]
    assert labelled.labels.dtype == "int64"
    assert list(labelled.index.rows["assessment"]) == ["5", "1", "3", "1"]
    assert reasons(labelled.index) == {4: "no assessment", 5: "excluded category"}
    assert count_classes(index, BIRADS) == {
        "BI-RADS 1": 2,
        "BI-RADS 2": 0,
        "BI-RADS 3": 1,
        "BI-RADS 4": 0,
        "BI-RADS 5": 1,
    }


def test_classes_to_keep(make_index):
    index = make_index(*[(f"{at}", "P", value) for at, value in enumerate("1325")])
    labelled = select_classes(index, BIRADS, ["BI-RADS 5", "BI-RADS 1"])
    assert labelled.classes == ("BI-RADS 1", "BI-RADS 5")  # in the target's order
    assert reasons(labelled.index) == {3: "excluded category", 4: "excluded category"}
    assert labelled.index.audit[0].detail == "assessment 3"
    with pytest.raises(UserError) as error:
        select_classes(index, BIRADS, ["BI-RADS 1", "BI-RADS 4"])
    assert str(error.value) == (
        f"class 'BI-RADS 4' of target 'birads' has no usable rows in {index.root}; rows: BI-RADS 1 1, BI-RADS 4 0"
    )
    with pytest.raises(UserError) as error:
        drop_unlabelled(index, BIRADS, ["BI-RADS 7"])
    assert str(error.value) == (
        "unknown class of target 'birads': 'BI-RADS 7'; did you mean 'BI-RADS 5' or 'BI-RADS 4' or 'BI-RADS 3'?"
    )


def test_one_class_is_too_few(make_index):
    index = make_index(("a", "P1", "1"), ("b", "P2", ""))
    with pytest.raises(UserError) as error:
        select_classes(index, BIRADS)
    assert str(error.value) == (
        f"target 'birads' needs usable rows of two classes at least in {index.root}; rows: BI-RADS 1 1, BI-RADS 2 0, "
        "BI-RADS 3 0, BI-RADS 4 0, BI-RADS 5 0; `birads-zoo audit` says why rows were dropped"
    )
    with pytest.raises(UserError, match="rows: none; `birads-zoo audit`"):
        select_classes(index, LABEL)
    with pytest.raises(UserError, match=r"target 'x' reads column 'tissue', which the index of .* lacks"):
        select_classes(index, Target(name="x", column="tissue", classes=None))


def test_open_classes_are_every_value_in_natural_order(make_index):
    index = make_index(("a", "", ""), ("b", "", ""), ("c", "", ""), label=["type 10", "type 2", "Type 1"])
    assert select_classes(index, LABEL).classes == ("Type 1", "type 2", "type 10")
    assert sorted(["b", "10", "9", "B1"], key=natural_key) == ["9", "10", "b", "B1"]


def test_targets_by_name(make_index):
    spec = DatasetSpec(name="d", summary="", load=lambda options: None, targets=(BIRADS, LABEL))
    index = make_index(("a", "P1", "1"))
    assert choose_target(spec, "", index) is BIRADS
    assert choose_target(spec, "label", index) is LABEL
    with pytest.raises(UserError) as error:
        choose_target(spec, "birad", index)
    assert str(error.value) == "unknown target of data set 'd': 'birad'; did you mean 'birads'?"


def test_the_default_target_is_one_with_values(make_index):
    spec = DatasetSpec(name="d", summary="", load=lambda options: None, targets=(BIRADS, LABEL))
    mute = make_index(("a", "P1", ""))
    assert choose_target(spec, "", mute) is BIRADS, "nothing is known: the data set's first"
    labelled = replace(mute, rows=mute.rows.assign(label="benign"))
    assert choose_target(spec, "", labelled) is LABEL


def test_the_summary_adds_up(make_index):
    repaired = AuditEntry(row=2, image_path="a", patient_id="P1", action="repaired", reason="dirty density")
    foreign = AuditEntry(row=99, image_path="x.txt", patient_id="", action="dropped", reason="not a picture")
    loaded = make_index(("a", "P1", "1"), ("b", "P1", "2"), ("c", "", ""), ("d", "P2", "1"), audit=(repaired, foreign))
    usable = drop_unlabelled(drop(loaded, {0: ("no file", "")}), BIRADS)
    summary = summarise(loaded, usable)
    assert (summary.rows, summary.patients, summary.usable) == (5, 2, 2)
    assert summary.by_assessment == {"1": 2, "2": 1}
    assert summary.dropped == {"not a picture": 1, "no file": 1, "no assessment": 1}
    assert summary.repaired == {"dirty density": 1}
    assert summary.usable + sum(summary.dropped.values()) == summary.rows
    frame = entries_frame(usable)
    assert tuple(frame.columns) == ENTRY_COLUMNS
    assert frame[["row", "action"]].to_numpy().tolist() == [
        [2, "repaired"],
        [2, "dropped"],
        [4, "dropped"],
        [99, "dropped"],
    ]
    assert tuple(entries_frame(make_index()).columns) == ENTRY_COLUMNS
