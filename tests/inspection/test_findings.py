"""Every trap in a data set gives a finding; a data set without traps gives no warning."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from birads_zoo.data.index.audit import check_decodes, check_files
from birads_zoo.data.placement.breast import find_breast
from birads_zoo.inspection.breasts import join_breasts
from birads_zoo.inspection.copies.fingerprints import fingerprint
from birads_zoo.inspection.findings import find
from birads_zoo.inspection.inspect import inspect
from birads_zoo.interfaces import INDEX_COLUMNS, Index, Target

TARGET = Target(name="label", column="label", classes={"well": ("well",), "sick": ("sick",)})


@pytest.fixture
def inspection_of(tmp_path):
    """Inspect rows: `inspection_of([dict(image_path=…, patient_id=…, label=…), …])`."""
    import pandas as pd

    def make(rows, target=TARGET):
        blank = dict.fromkeys(INDEX_COLUMNS, "") | {"age": np.nan, "lesions": ()}
        table = pd.DataFrame([blank | {"row": at} | row for at, row in enumerate(rows, start=2)])
        index = Index(root=tmp_path, rows=table)
        decoded, measured = check_decodes(check_files(index), lambda pixels: (fingerprint(pixels), find_breast(pixels)))
        seen = join_breasts(decoded, [((0, 0), breast) for _, breast in measured])
        return inspect(index, decoded, [digest for digest, _ in measured], seen, target)

    return make


def women(count, label_of, views=("CC", "MLO")):
    return [
        {"patient_id": f"P{p}", "exam_id": f"P{p}_1", "laterality": side, "view": view, "label": label_of(p, side)}
        for p in range(count)
        for side in "LR"
        for view in views
    ]


def named(findings):
    return {finding.name: finding for finding in findings}


def test_a_plain_data_set_has_no_warnings(inspection_of):
    random = np.random.default_rng(0)
    labels = {(p, side): random.choice(["well", "sick"]) for p in range(60) for side in "LR"}
    findings = named(find(inspection_of(women(60, lambda p, side: labels[p, side], views=("CC",)))))
    assert {finding.severity for finding in findings.values()} <= {"note"}, findings


def test_labels_of_patients_and_rare_classes(inspection_of):
    inspection = inspection_of(women(40, lambda p, side: "sick" if p < 8 else "well"))
    findings = named(find(inspection))
    rare = findings["rare class sick"]
    assert rare.severity == "warning"
    assert rare.number == pytest.approx(inspection.population[1].missed)
    assert rare.consequence.startswith(
        "of 8 patients with sick, a random test set of 10 % of all (4 of 40) has 0.8 on average, and none in 39 %"
    )
    patients = findings["labels of sick are the patient's"]
    assert (patients.severity, patients.number) == ("warning", 1.0)
    assert "in 8 of 8 exams of both breasts (by chance 10 %)" in patients.consequence
    assert findings["the patient predicts the class"].number == 1.0


def test_labels_of_breasts(inspection_of):
    findings = named(find(inspection_of(women(40, lambda p, side: "sick" if p < 12 and side == "L" else "well"))))
    assert findings["labels of sick are a breast's"].number == 0
    assert findings["patients with several classes"].shown == "12 of 40 patients"
    assert "12 between the breasts of one exam" in findings["patients with several classes"].consequence


def test_labels_of_breasts_that_are_read_as_pictures(inspection_of):
    findings = find(inspection_of(women(100, lambda p, side: "sick" if p < 40 and side == "L" else "well")))
    finding = named(findings)["labels are of a breast"]
    assert (finding.severity, finding.number, finding.shown) == ("warning", 1, "200 of 200 breasts agree")
    assert finding.consequence == (
        "all pictures have one label in 200 of 200 breasts (136 by chance), and in 40 of the 40 that have a class "
        "other than well (11 % by chance); all pictures have one label in 60 of 100 exams of both breasts (68 by "
        "chance), and in 0 of the 40 that have a class other than well (11 % by chance); target 'label' reads them as "
        "those of a picture, so a model of single pictures learns the class of a breast from a view that may show "
        "nothing of it; --set dataset.level=breast --set dataset.views=breast makes one prediction for a breast"
    )


def test_labels_of_pictures_that_are_read_as_breasts(inspection_of):
    rows = women(100, lambda p, side: "sick" if p < 40 and side == "L" else "well")
    rows = [row | {"label": "well"} if row["view"] == "MLO" else row for row in rows]
    finding = named(find(inspection_of(rows, replace(TARGET, level="breast"))))["labels are of a picture"]
    assert (finding.severity, finding.shown) == ("warning", "160 of 200 breasts agree")
    assert finding.consequence.endswith(
        "target 'label' reads them as those of a breast, so a run leaves out those that have several classes; --set "
        "dataset.level=image --set dataset.views=single predicts each label separately"
    )


def test_one_breast_leaves_the_level_of_labels_unknown(inspection_of):
    rows = [row for row in women(2, lambda p, side: "sick" if p else "well") if row["laterality"] == "L"]
    rows = [row for row in rows if row["label"] == "well" or row["view"] == "CC"]
    finding = named(find(inspection_of(rows)))["what labels are of is unknown"]
    assert finding.shown == "1 of 1 breast agrees"
    assert finding.consequence.startswith("all pictures have one label in 1 of 1 breast (")


def test_what_labels_are_of_is_unknown_without_sides(inspection_of):
    rows = [row | {"laterality": ""} for row in women(40, lambda p, side: "sick" if p < 12 else "well")]
    finding = named(find(inspection_of(rows)))["what labels are of is unknown"]
    assert (finding.severity, finding.shown) == ("note", "0 of 0 breasts agree")
    assert finding.consequence.startswith(
        "no breast is known to have two pictures, so labels of pictures and of breasts "
    )


def test_missing_views_and_pictures(inspection_of, tmp_path):
    Image.fromarray(np.arange(1024, dtype=np.uint16).astype(np.uint8).reshape(32, 32)).save(tmp_path / "a.png")
    rows = women(6, lambda p, side: "sick" if p < 3 else "well")[1:]
    rows[-1]["image_path"] = "a.png"
    findings = named(find(inspection_of(rows)))
    assert findings["views per breast"].shown == "1 of 12 breasts"
    assert findings["views per breast"].consequence.startswith("1 breast without exactly the usual views")
    assert findings["no picture of sick"].number == 11
    assert "no picture of well" not in findings


def test_a_format_that_follows_the_class(inspection_of, tmp_path):
    random = np.random.default_rng(0)
    rows = women(12, lambda p, side: "sick" if p % 3 == 0 else "well")
    for at, row in enumerate(rows):
        row["image_path"] = f"{at}.png"
        size = (40, 60) if row["label"] == "sick" else (40, 40)
        Image.fromarray(random.integers(0, 255, size, dtype=np.uint8)).save(tmp_path / f"{at}.png")
    findings = named(find(inspection_of(rows)))
    finding = findings["picture size predicts the class"]
    assert (finding.severity, finding.number) == ("warning", 1.0)
    assert finding.consequence.startswith(
        "the picture size predicts 100 % of unseen patients' classes correctly, averaged over "
        "2 classes; guessing gives 50 % (p = "
    )


def test_a_format_of_too_few_patients_is_a_hint(inspection_of, tmp_path):
    rows = women(6, lambda p, side: "sick" if p < 2 else "well", views=("CC",))
    for at, row in enumerate(rows):
        row["image_path"] = f"{at}.png"
        size = (40, 60) if row["label"] == "sick" else (40, 40)
        Image.fromarray(np.full(size, at, dtype=np.uint8)).save(tmp_path / f"{at}.png")
    hints = [hint for hint in find(inspection_of(rows)) if "may predict the class" in hint.name]
    assert [hint.severity for hint in hints] == ["note"], "one hint, although several facts depend on the size"
    assert hints[0].consequence.endswith("n = 6): too few patients to rule out chance, so look at the table of files")


def test_copies_are_grouped_by_what_differs(inspection_of, tmp_path):
    random = np.random.default_rng(0)
    pictures = [random.integers(0, 255, (40, 40), dtype=np.uint8) for _ in range(3)]
    rows = [
        {"patient_id": "P1", "view": "CC", "label": "well"},
        {"patient_id": "P2", "view": "CC", "label": "well"},  # the same picture under another patient
        {"patient_id": "P3", "view": "CC", "label": "well"},
        {"patient_id": "P3", "view": "CC", "label": "sick"},  # under another class
        {"patient_id": "P4", "view": "CC", "label": "sick"},
        {"patient_id": "P4", "view": "MLO", "label": "sick"},  # as another view
        {"patient_id": "P4", "view": "CC", "label": "sick"},  # once more
    ]
    for at, row in enumerate(rows):
        row["image_path"] = f"{at}.png"
        Image.fromarray(pictures[min(at // 2, 2)]).save(tmp_path / f"{at}.png")
    inspection = inspection_of(rows)
    assert [pair.crosses for pair in inspection.duplicates] == [("patients",), ("classes",), ("exposures",), ()]
    findings = named(find(inspection))
    assert "such as rows 4 and 5" in findings["one picture, two classes"].consequence
    assert "such as rows 2 and 3" in findings["one picture, two patients"].consequence
    assert "such as rows 6 and 7" in findings["one picture, two exposures"].consequence
    assert findings["repeated picture"].shown == "1 pair (1 same pixels)"
    assert [finding.severity for finding in findings.values()] == sorted(
        (finding.severity for finding in findings.values()), reverse=True
    )


def test_ids_that_seem_to_be_one_patient(inspection_of):
    rows = women(50, lambda p, side: "sick" if p % 2 else "well")
    plain = [row | {"patient_id": f"P{at:03d}"} for at, row in enumerate(rows)]
    assert "one patient, several ids" not in named(find(inspection_of(plain)))
    spelt = [row | {"patient_id": row["patient_id"].lower()} if row["laterality"] == "R" else row for row in rows]
    finding = named(find(inspection_of(spelt)))["one patient, several ids"]
    assert (finding.severity, finding.number, finding.shown) == ("warning", 50, "100 ids of 50 patients")
    assert "such as 'P0' and 'p0'; 'P1' and 'p1'; 'P2' and 'p2': a split by patient" in finding.consequence


@pytest.mark.parametrize(
    ("white", "clause"), [(4095, "1/16 of its range, 12 bits"), (1023, "1/64 of its range, 10 bits")]
)
def test_deep_pictures_of_few_bits(inspection_of, tmp_path, white, clause):
    rows = women(3, lambda p, side: "sick" if p else "well", views=("CC",))
    for at, row in enumerate(rows):
        row["image_path"] = f"{at}.png"
        grey = np.linspace(0, white if at == 4 else white // 3, 20 * 24).reshape(20, 24) + 0.5
        Image.fromarray(grey.astype(np.uint16)).save(tmp_path / f"{at}.png")
    finding = named(find(inspection_of(rows)))["16-bit pictures of fewer bits"]
    assert finding.severity == "warning"
    assert clause in finding.consequence
    assert f"--set image.bits={white.bit_length()}" in finding.consequence


@pytest.mark.parametrize(("white", "kind"), [(65535, np.uint16), (40000, np.uint16), (90, np.uint8)])
def test_pictures_that_use_their_range_are_no_finding(inspection_of, tmp_path, white, kind):
    rows = women(1, lambda p, side: "well", views=("CC",))
    for at, row in enumerate(rows):
        row["image_path"] = f"{at}.png"
        Image.fromarray(np.linspace(0, white if at else white // 9, 20 * 24).reshape(20, 24).astype(kind)).save(
            tmp_path / f"{at}.png"
        )
    assert "16-bit pictures of fewer bits" not in named(find(inspection_of(rows)))


def test_dicom_of_few_bits_is_no_finding(inspection_of, tmp_path, write_dicom):
    rows = women(1, lambda p, side: "well", views=("CC",))
    for at, row in enumerate(rows):
        row["image_path"] = f"{at}.dcm"
        write_dicom(tmp_path / f"{at}.dcm", np.linspace(0, 900, 20 * 24).reshape(20, 24).astype(np.uint16))
    assert "16-bit pictures of fewer bits" not in named(find(inspection_of(rows)))


def hung(path, right):
    """Write a picture with a half disk at its left edge, or at its right one."""
    rows, columns = np.mgrid[:120, :90]
    breast = np.where(((rows - 60) / 40) ** 2 + (columns / 50) ** 2 < 1, 170, 5).astype(np.uint8)
    Image.fromarray(breast[:, ::-1] if right else breast).save(path)


@pytest.mark.parametrize(
    ("mirrored", "cause"), [(1, "it is mirrored, or its side is wrong"), (4, "most are, so the data set")]
)
def test_a_chest_wall_on_the_other_side_is_a_finding(inspection_of, tmp_path, mirrored, cause):
    rows = []
    for at, side in enumerate("LRLRL"):
        hung(tmp_path / f"{at}.png", right=(side == "R") != (at < mirrored))
        rows.append({"image_path": f"{at}.png", "patient_id": f"P{at}", "laterality": side, "label": "well"})
    hung(tmp_path / "unknown.png", right=True)
    inspection = inspection_of([*rows, {"image_path": "unknown.png", "label": "well"}])
    assert (inspection.chests.known, inspection.chests.mirrored, inspection.chests.lost) == (5, mirrored, 0)
    finding = named(find(inspection))["chest wall on the other side"]
    assert (finding.severity, finding.number, finding.shown) == ("warning", mirrored, f"{mirrored} of 5 pictures")
    assert "0.png" in finding.consequence
    assert cause in finding.consequence
    assert "no breast found" not in named(find(inspection))


def test_chest_walls_on_the_usual_side_are_no_finding(inspection_of, tmp_path):
    for side in "LR":
        hung(tmp_path / f"{side}.png", right=side == "R")
    rows = [{"image_path": f"{side}.png", "laterality": side, "label": "well"} for side in "LR"]
    assert "chest wall on the other side" not in named(find(inspection_of(rows)))


def test_a_picture_without_a_breast_is_a_finding(inspection_of, tmp_path):
    hung(tmp_path / "breast.png", right=False)
    Image.new("L", (90, 120), 33).save(tmp_path / "grey.png")
    rows = [{"image_path": f"{name}.png", "laterality": "R", "label": "well"} for name in ("breast", "grey")]
    findings = named(find(inspection_of(rows)))
    assert findings["no breast found"].shown == "1 of 2 pictures"
    assert "grey.png" in findings["no breast found"].consequence
    assert findings["chest wall on the other side"].shown == "1 of 1 picture", "the grey one has no chest wall"
