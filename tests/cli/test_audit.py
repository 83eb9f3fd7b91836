import csv
import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def classes_root(tmp_path):
    """An image-folder root with two good pictures, a broken one, and a file that is not a picture."""
    for name in ("sick/P1.png", "well/P2.png"):
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True)
        Image.new("L", (32, 32), 7).save(file)
    (tmp_path / "root/well/P3.jpg").write_text("<html>")
    (tmp_path / "root/well/Thumbs.db").write_text("x")
    return tmp_path / "root"


def audit_folder(zoo, root, *more):
    return zoo("audit", "--dataset", "image-folder", "--root", root, "--patient-pattern", r"(P\d)", *more)


def test_json_is_the_only_output_on_stdout(zoo, classes_root):
    result = audit_folder(zoo, classes_root, "--json")
    assert result.status == 0, result.err
    counts = json.loads(result.out)
    inspection, findings = counts.pop("inspection"), counts.pop("findings")
    assert (inspection["rows"], inspection["usable"], inspection["pictures"]) == (3, 2, 2)
    assert {tuple(finding) for finding in findings} <= {("name", "severity", "number", "shown", "consequence")}
    assert counts == {
        "rows": 4,
        "patients": 3,
        "usable": 2,
        "by_assessment": {},
        "dropped": {"not a picture": 1, "does not decode": 1},
        "repaired": {},
        "unlisted": {},
        "target": "label",
        "level": "image",
        "classes": {"sick": 1, "well": 1},
    }


def test_the_counts_are_printed_as_a_table(zoo, classes_root):
    result = audit_folder(zoo, classes_root)
    lines = [line.strip("│ ").split("│") for line in result.out.splitlines() if "│" in line]
    table = {name.strip(): int(count) for name, count in lines}
    rare = "warning: rare class sick (67 %): of 1 patient with sick, a random test set of 10 % of all (1 of 3) has 0.33"
    assert rare in result.out
    assert table["rows"] == 4
    assert table["usable"] == 2
    assert table["dropped: does not decode"] == 1
    assert table["label: sick"] == 1


@pytest.mark.parametrize("where", ["there", "there/own.csv"])
def test_every_entry_is_written(zoo, classes_root, tmp_path, where):
    result = audit_folder(zoo, classes_root, "--out", tmp_path / where)
    assert result.status == 0, result.err
    file = tmp_path / where if where.endswith(".csv") else tmp_path / where / "audit.csv"
    with file.open(newline="") as lines:
        entries = list(csv.DictReader(lines))
    assert [(entry["image_path"], entry["patient_id"], entry["reason"]) for entry in entries] == [
        ("well/P3.jpg", "P3", "does not decode"),
        ("well/Thumbs.db", "", "not a picture"),
    ]
    assert all(entry["action"] == "dropped" and entry["detail"] for entry in entries)


def test_a_folder_gets_a_page_and_a_file_does_not(zoo, classes_root, tmp_path):
    audit_folder(zoo, classes_root, "--out", tmp_path / "folder")
    audit_folder(zoo, classes_root, "--out", tmp_path / "alone" / "own.csv")
    assert {path.name for path in (tmp_path / "folder").iterdir()} == {"audit.csv", "audit.html"}
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {"own.csv"}


def test_the_page_holds_everything_and_escapes_it(zoo, tmp_path):
    class Tags(HTMLParser):
        """Collects a page's tags and the targets of its links."""

        def __init__(self):
            super().__init__()
            self.tags, self.sources, self.ids = [], [], set()

        def handle_starttag(self, tag, attributes):
            values = dict(attributes)
            self.tags.append(tag)
            self.ids.add(values.get("id"))
            self.sources += [values[key] for key in ("src", "href") if key in values]
            assert tag != "img" or values["alt"], "a figure that says nothing to who cannot see it"

    root = tmp_path / "<b>root&"
    random = np.random.default_rng(0)
    for patient in range(1, 9):
        for side in ("L", "R"):
            name = "<i>sick" if patient % 2 else "well"
            file = root / name / f"P{patient}_{side}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(random.integers(0, 255, (40, 32), dtype=np.uint8)).save(file)
    shutil.copy(root / "well" / "P2_L.png", root / "<i>sick" / "P1_L.png")
    result = audit_folder(zoo, root, "--out", tmp_path / "out", "--split", "patient", "--folds", "2")
    assert result.status == 0, result.err
    assert "warning: one picture, two classes (1 pair (1 same pixels))" in result.out
    page = (tmp_path / "out" / "audit.html").read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(page)
    assert not {"b", "i"} & set(tags.tags), "a text from outside became a tag"
    assert "&lt;i&gt;sick" in page
    assert all(source.startswith(("#", "data:image/png;base64,")) for source in tags.sources), "needs a network"
    assert {source[1:] for source in tags.sources if source[0] == "#"} <= tags.ids, "a link to nowhere"
    assert tags.tags.count("img") >= 3
    for text in ("one picture, two classes", "patient lookup", "Shortcuts under a split by patient", "Picture sizes"):
        assert text in page


def test_classes_that_are_not_kept_are_excluded(zoo, classes_root):
    result = audit_folder(zoo, classes_root, "--class", "sick", "--json")
    assert json.loads(result.out)["dropped"]["excluded category"] == 1


def test_columns_are_mapped(zoo, tmp_path):
    (tmp_path / "t.csv").write_text("Bild,Urteil\na.png,BIRADS 4\n")
    result = zoo(
        "audit", "--dataset", "csv", "--root", tmp_path, "--json", "--column", "image_path=Bild", "--column",
        "assessment=Urteil",
    )  # fmt: skip
    assert json.loads(result.out)["by_assessment"] == {"4": 1}


def spelt(folder):
    """Write a table in which each of three patients has two spellings, with a picture each."""
    lines = ["image_path,patient_id,label"]
    for at, patient in enumerate(["P-01", "p1", "P-02", "p2", "P-03", "p3"]):
        Image.new("L", (40, 30), 20 + 9 * at).save(folder / f"{at}.png")
        lines.append(f"{at}.png,{patient},{'xy'[at // 2 % 2]}")
    (folder / "t.csv").write_text("\n".join(lines))


def test_spellings_of_an_id_are_reported_and_can_be_merged(zoo, tmp_path):
    spelt(tmp_path)
    result = zoo("audit", "--dataset", "csv", "--root", tmp_path)
    assert "warning: one patient, several ids (6 ids of 3 patients): " in result.out
    assert "such as 'P-01' and 'p1'; 'P-02' and 'p2'; 'P-03' and 'p3'" in result.out
    counts = json.loads(zoo("audit", "--dataset", "csv", "--root", tmp_path, "--merge-ids", "--json").out)
    assert counts["patients"] == 3
    assert counts["repaired"] == {"patient id merged": 3}
    assert "one patient, several ids" not in {finding["name"] for finding in counts["findings"]}


@pytest.mark.parametrize("column", ["assessment", "label"])
def test_a_table_without_a_single_label(zoo, folder, tmp_path, column):
    lines = [f"image_path,patient_id,{column}", *(f"{at}.png,P{at},NA" for at in range(4))]
    for at in range(4):
        Image.new("L", (40, 30), 20 + 9 * at).save(tmp_path / f"{at}.png")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    data = ("--dataset", "csv", "--root", tmp_path, "--target", {"assessment": "birads"}.get(column, column))
    result = zoo("audit", *data, "--out", tmp_path / "out")
    assert result.status == 0, result.err
    assert re.search(rf"dropped: no {column}\W+4\b", result.out)
    assert re.search(r"usable\W+0\b", result.out)
    for command in (("audit", "--split", "patient"), ("run", "--backbone", "baseline_cnn")):
        result = zoo(*command, *data)
        assert result.status == 2
        sentence = f"birads-zoo: error: target '{data[-1]}' needs usable rows of two classes at least in {tmp_path}; "
        assert result.err.splitlines()[-1].startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--dataset", "phantom", "--merge-ids"],
            "data set 'phantom' has no option 'merge_ids'; its options are patients, seed",
        ),
        (["--dataset", "kaumd"], "unknown data set 'kaumd'; did you mean 'kaumds' or 'kau-bcmd'?"),
        (["--dataset", "kau-bcmd"], "data set 'kaumds' needs its folder: give it with --root"),
        (
            ["--dataset", "kaumds", "--root", "gone"],
            "no such root: gone; give the folder of data set 'kaumds' with --root",
        ),
        (
            ["--dataset", "phantom", "--target", "birad"],
            "unknown target of data set 'phantom': 'birad'; did you mean 'birads'?",
        ),
        (["--column", "view"], "--column 'view': expected COLUMN=NAME, such as patient_id=Case"),
        (
            ["--dataset", "csv", "--root", ".", "--column", "vew=x"],
            "unknown column 'vew'; did you mean 'view'?",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence(zoo, folder, phantom_root, arguments, sentence):
    result = zoo("audit", *arguments, *(["--root", phantom_root] if "phantom" in arguments else []))
    assert (result.status, result.out, result.err) == (2, "", f"birads-zoo: error: {sentence}\n")


def test_a_place_that_cannot_be_written_leaves_nothing(zoo, classes_root, tmp_path):
    (tmp_path / "file").write_text("x")
    result = audit_folder(zoo, classes_root, "--out", tmp_path / "file" / "below")
    assert result.status == 2
    assert result.err.startswith(f"birads-zoo: error: cannot write {tmp_path / 'file' / 'below' / 'audit.csv'}: ")
    assert result.out == ""


def test_the_phantoms_broken_files_have_their_reasons(zoo, phantom_root):
    result = zoo("audit", "--dataset", "phantom", "--root", phantom_root, "--json")
    counts = json.loads(result.out)
    assert counts["usable"] + sum(counts["dropped"].values()) == counts["rows"]
    assert counts["dropped"]["no file"] >= counts["by_assessment"]["2"]


def test_the_real_sample(zoo):
    if not os.environ.get("BIRADS_ZOO_DATA"):
        pytest.skip("BIRADS_ZOO_DATA does not name the folder of the real data")
    root = Path(os.environ["BIRADS_ZOO_DATA"]) / "kaumds-sample"
    counts = json.loads(zoo("audit", "--dataset", "kaumds", "--root", root, "--json").out)
    assert (counts["rows"], counts["patients"]) == (5386, 996)
    assert counts["by_assessment"] == {"1": 1884, "2": 3118, "3": 290, "4": 72, "5": 22}
    # The sample has 21 pictures. The sheet names 11 of them: it has no row for the five exams of 2013 in BIRAD 3 and 4,
    # which were BI-RADS 0 by mammogram and got their 3 or 4 from ultrasound ("BC with ultrasound.xlsx").
    assert counts["usable"] == 11
    assert counts["classes"]["BI-RADS 1"] == 6
    assert counts["classes"]["BI-RADS 5"] == 5
    exams = counts["inspection"]["granularity"]["exams"]["classes"]
    sides = {entry["name"]: (entry["same"], entry["groups"]) for entry in exams}
    assert (sides["BI-RADS 3"], sides["BI-RADS 5"]) == ((69, 70), (2, 9))
    rare = next(entry for entry in counts["findings"] if entry["name"] == "rare class BI-RADS 5")
    assert rare["number"] == pytest.approx(0.384, abs=0.001)
    assert counts["inspection"]["duplicates"] == []
    assert counts["dropped"] == {"no file": 5371, "duplicate path": 4}
    assert counts["repaired"] == {"dirty density": 16, "unreadable density": 8, "no study date": 4}


def test_a_data_set_without_any_label_is_audited(zoo, tmp_path):
    Image.new("L", (40, 30), 90).save(tmp_path / "0.png")
    (tmp_path / "nolabel.py").write_text(
        "from birads_zoo import DatasetSpec, Target, hookimpl, make_index\n"
        "def load(context):\n"
        "    return make_index(context.root, [{'row': 1, 'image_path': '0.png', 'patient_id': 'p'}])\n"
        "@hookimpl\n"
        "def birads_zoo_datasets():\n"
        "    target = Target(name='f', column='label', classes={'a': ('a',), 'b': ('b',)}, positive=('b',))\n"
        "    return [DatasetSpec(name='nolabel', summary='s', load=load, targets=(target,))]\n"
    )
    result = zoo("audit", "--plugin", tmp_path / "nolabel.py", "--dataset", "nolabel", "--root", tmp_path)
    assert result.status == 0, result.err
    assert re.search(r"dropped: no label\W+1\b", result.out)
    assert re.search(r"usable\W+0\b", result.out)


def test_a_sheet_of_crops_is_written_whole_or_not_at_all(zoo, classes_root, tmp_path):
    result = audit_folder(zoo, classes_root, "--crops", tmp_path / "crops.png")
    assert result.status == 0, result.err
    assert "no breast found (2 of 2 pictures)" in result.out
    with Image.open(tmp_path / "crops.png") as sheet:
        assert sheet.format == "PNG"
    result = audit_folder(zoo, classes_root, "--crops", tmp_path / "crops.txt")
    assert result.status == 2
    assert "--crops writes a picture" in result.err
