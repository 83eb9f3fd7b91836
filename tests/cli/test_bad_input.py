"""Bad input, end to end: one sentence on stderr, status 2, no traceback, and no incomplete files."""

import csv
import json
import os

import pytest
from PIL import Image

SMALL = ["--image-size", "32x32", "--epochs", "1", "--folds", "2", "--device", "cpu"]
NET = ["--backbone", "baseline_cnn"]
WANTED = "a sheet with columns like 'PatientID', 'Assesment' and 'Image path'"


@pytest.fixture
def read_only(monkeypatch):
    """Refuse new files and folders below a folder, also for root, for whom permissions do not count."""

    def refuse_below(place):
        def guarded(call):
            def guard(path, *arguments, **named):
                makes = call.__name__ == "mkdir" or arguments[0] & os.O_CREAT
                if makes and str(path).startswith(f"{place}{os.sep}"):
                    raise PermissionError(13, "Permission denied", str(path))
                return call(path, *arguments, **named)

            return guard

        monkeypatch.setattr(os, "mkdir", guarded(os.mkdir))
        monkeypatch.setattr(os, "open", guarded(os.open))

    return refuse_below


# ── The data set's root and sheet ────────────────────────────────────────────────────────────────────────────────


def write_sheet(file, header):
    import openpyxl

    book = openpyxl.Workbook()
    book.active.title = "correctSheet"
    book.active.append(header)
    book.active.append(["BC000001", "BIRAD 1", "mammograms/BIRAD 1/a.dcm"][: len(header)])
    book.save(file)


COMMANDS = [["audit", "--json"], ["run", *NET, *SMALL]]


@pytest.mark.parametrize("command", COMMANDS, ids=["audit", "run"])
def test_no_such_root(refused, folder, command):
    message = refused(*command, "--dataset", "kaumds", "--root", folder / "gone")
    assert message == f"no such root: {folder / 'gone'}; give the folder of data set 'kaumds' with --root"


@pytest.mark.parametrize("command", COMMANDS, ids=["audit", "run"])
def test_a_root_without_a_sheet(refused, folder, command):
    (folder / "root").mkdir()
    message = refused(*command, "--dataset", "kaumds", "--root", folder / "root")
    assert message == f"no .xlsx file below {folder / 'root'}: kaumds needs {WANTED} there, or --table FILE"
    write_sheet(folder / "root" / "prices.xlsx", ["Fruit", "Price"])
    message = refused(*command, "--dataset", "kaumds", "--root", folder / "root")
    assert message == f"no sheet of kaumds below {folder / 'root'}: looked for {WANTED} in 'prices.xlsx'"


@pytest.mark.parametrize("command", COMMANDS, ids=["audit", "run"])
def test_a_sheet_without_a_needed_column_names_the_ones_it_has(refused, folder, command):
    (folder / "root").mkdir()
    write_sheet(folder / "root" / "sheet.xlsx", ["PatientID", "Assesment", "Where"])
    file = folder / "root" / "sheet.xlsx"
    message = refused(*command, "--dataset", "kaumds", "--root", folder / "root")
    assert message == (
        f"sheet 'correctSheet' of {file} has no column for image_path (such as 'image path'); "
        "it has: 'PatientID', 'Assesment', 'Where'; name it with --column image_path=NAME"
    )


@pytest.mark.parametrize("command", COMMANDS, ids=["audit", "run"])
@pytest.mark.parametrize("name", ["", "below"])
def test_an_unreadable_folder(refused, folder, phantom_root, monkeypatch, command, name):
    closed, scandir = phantom_root / "mammograms" if name else phantom_root, os.scandir

    def refuse(path):
        if str(path) == str(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    message = refused(*command, "--root", phantom_root)
    assert message == f"cannot read folder {closed}: Permission denied; allow it, or choose another root"


# ── Names and counts ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--target", "birad"], "unknown target of data set 'phantom': 'birad'; did you mean 'birads'?"),
        (["--class", "BI-RAD 1"], "unknown class of target 'birads': 'BI-RAD 1'; did you mean 'BI-RADS 1'"),
        (["--augmentation", "mamo"], "unknown augmentation 'mamo'; did you mean 'mammo'?"),
        (["--set", "explainer='gradcam'"], "unknown explainer 'gradcam'; did you mean 'grad-cam' or"),
        (["--no-dropot"], "No such option"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(refused, phantom_root, arguments, sentence):
    message = refused("run", "--dataset", "phantom", "--root", phantom_root, *NET, *SMALL, *arguments)
    assert message.startswith(sentence)
    assert "--no-dropout" in message or "No such option" not in message


def test_fewer_patients_of_a_class_than_folds(refused, phantom_root):
    message = refused("run", "--root", phantom_root, *NET, *SMALL, "--folds", 6)
    assert (
        message
        == "class 'BI-RADS 3' has 5 usable patients, fewer than the 6 folds: use --folds 5, or leave the class out"
    )


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("costs=[[0,1],[5,0]]", "evaluation.costs has 2 rows of 2 numbers; this run needs 4 rows of 4: a row per true"),
        ("costs=[[0,-1],[5,0]]", "arguments: key 'evaluation.costs[0][1]': expected a number of at least 0.0"),
        ("costs=[1,2]", "arguments: key 'evaluation.costs[0]': expected a list in square brackets"),
        ('positive=["BIRADS 4"]', "unknown positive class 'BIRADS 4'; did you mean 'BI-RADS 4'"),
        (
            'positve=["BI-RADS 4"]',
            "arguments: unknown key 'evaluation.positve'; did you mean 'evaluation.positive'",
        ),
    ],
)
def test_a_reading_that_does_not_fit_is_refused_before_training(refused, phantom_root, setting, sentence):
    message = refused("run", "--root", phantom_root, *NET, *SMALL, "--set", f"evaluation.{setting}")
    assert message.startswith(sentence)


def test_a_class_without_rows(refused, phantom_root):
    keep = ["--class", "BI-RADS 1", "--class", "BI-RADS 2"]
    message = refused("run", "--root", phantom_root, *NET, *SMALL, *keep)
    assert message.startswith(
        f"class 'BI-RADS 2' of target 'birads' has no usable rows in {phantom_root}; rows: BI-RADS 1 "
    )
    assert message.endswith(", BI-RADS 2 0")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["training.lesion_weight=1"], "needs the evidence of places: set model.evidence=true"),
        (
            ["training.lesion_weight=1", "model.evidence=true", "dataset.target=density", 'dataset.classes=["B", "C"]'],
            "needs a target whose first class is tissue without a lesion, and target 'density'",
        ),
        (
            ["training.lesion_weight=1", "model.evidence=true", 'dataset.classes=["BI-RADS 4", "BI-RADS 5"]'],
            "and target 'birads' with the classes BI-RADS 4, BI-RADS 5 is none",
        ),
        (["model.evidence=true", "model.pooling=gem"], "evidence can be: use 'max' or 'avg'"),
        (["model.last_stage=block9"], "cannot end after a part 'block9'; its stages are block1, block2, block3"),
    ],
)
def test_evidence_that_a_recipe_cannot_give_is_refused(zoo, phantom_root, tmp_path, settings, sentence):
    flags = [part for setting in settings for part in ("--set", setting)]
    answer = zoo(
        "run", "--root", phantom_root, "--backbone", "baseline_cnn", *SMALL, *flags, "--out", tmp_path / "runs"
    )
    assert answer.status == 2
    assert sentence in answer.err.replace("\n", " ")
    assert not list((tmp_path / "runs").glob("*"))


# ── Pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────

BAD = {
    "tiny.png": "too small",
    "huge.png": "too large",
    "huge.pgm": "too large",
    "page.jpg": "does not decode",
    "cut.jpg": "does not decode",
    "cut.png": "does not decode",
    "cut.pgm": "does not decode",
    "zero.png": "empty file",
}


@pytest.fixture
def bad_pictures(folder):
    """An image-folder root with four good patients in two classes, and every kind of bad picture in the first."""
    import io
    import zlib

    root = folder / "root"
    noise = Image.effect_noise((64, 64), 60)
    for name in ("sick/P1.png", "sick/P2.png", "well/P3.png", "well/P4.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        noise.save(root / name)
    bad = root / "sick"
    Image.new("L", (1, 1)).save(bad / "tiny.png")
    header = b"IHDR" + (60000).to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    data = b"IDAT" + zlib.compress(b"")
    chunks = [(len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
              for body in (header, data, b"IEND")]  # fmt: skip
    (bad / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    (bad / "huge.pgm").write_bytes(b"P5\n60000 60000\n255\n")
    (bad / "page.jpg").write_text("<!DOCTYPE html><html>403 Forbidden</html>")
    for suffix, name in (("jpg", "JPEG"), ("png", "PNG"), ("pgm", "PPM")):
        whole = io.BytesIO()
        noise.save(whole, name)
        (bad / f"cut.{suffix}").write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
    (bad / "zero.png").touch()
    return root


def reasons_in(path):
    with path.open(newline="", encoding="utf-8") as file:
        return {row["image_path"].removeprefix("sick/"): row["reason"] for row in csv.DictReader(file)}


def test_bad_pictures_are_rows_of_the_audit(zoo, folder, bad_pictures):
    result = zoo("audit", "--dataset", "image-folder", "--root", bad_pictures, "--out", folder / "audit.csv", "--json")
    assert result.status == 0, result.err
    assert reasons_in(folder / "audit.csv") == BAD
    assert json.loads(result.out)["usable"] == 4


def test_bad_pictures_do_not_stop_a_run(zoo, folder, bad_pictures):
    dataset = ["--dataset", "image-folder", "--root", bad_pictures, "--patient-pattern", r"(\w+)\.\w+$"]
    result = zoo("run", *dataset, *NET, *SMALL, "--json")
    assert result.status == 0, result.err
    assert reasons_in(folder / "runs" / "baseline_cnn" / "audit.csv") == BAD
    assert json.loads(result.out)["n"] == 4


def test_only_bad_pictures_leave_a_class_without_rows(refused, bad_pictures):
    for name in ("P1.png", "P2.png"):
        (bad_pictures / "sick" / name).unlink()
    run = [
        "run",
        "--dataset",
        "image-folder",
        "--root",
        bad_pictures,
        "--patient-pattern",
        r"(\w+)\.\w+$",
        *NET,
        *SMALL,
    ]
    assert refused(*run) == (
        f"target 'label' needs usable rows of two classes at least in {bad_pictures}; rows: sick 0, well 2; "
        "`birads-zoo audit` says why rows were dropped"
    )
    assert refused(*run, "--class", "sick", "--class", "well") == (
        f"class 'sick' of target 'label' has no usable rows in {bad_pictures}; rows: sick 0, well 2"
    )


# ── Where results go ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_read_only_output_folder(refused, folder, phantom_root, read_only):
    closed = folder / "closed"
    closed.mkdir()
    read_only(closed)
    run = ["run", "--root", phantom_root, *NET, *SMALL]
    choose = "Permission denied; choose another place"
    assert refused(*run, "--out", closed) == f"cannot write {closed}: {choose} to write to"
    assert refused(*run, "--out", closed / "runs") == f"cannot write {closed / 'runs'}: {choose} to write to"
    audit = refused("audit", "--root", phantom_root, "--out", closed)
    assert audit == f"cannot write {closed / 'audit.csv'}: {choose} to write to"
    phantom = refused("phantom", "--patients", 8, "--size", "64x48", "--out", closed / "phantom")
    assert phantom == f"cannot write {closed / 'phantom'}: {choose} to write to"
    assert not list(closed.iterdir())


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--set", "model.fusion=max"], "model.fusion = 'max' needs samples of several views"),
        (["--loss", "corn"], "the loss 'corn' needs classes in order, and this target's have none"),
        (["--set", "model.norm=batch", "--set", "training.batch_size=1"], "batch norm needs batches of two or more"),
        (["--set", "model.last_stage=body"], "'body'"),
        (["--weights", "missing.pth"], "there is no weights file"),
    ],
)
def test_what_cannot_be_built_is_refused_before_pictures_are_decoded(
    refused, phantom_root, monkeypatch, flags, sentence
):
    monkeypatch.setattr("birads_zoo.data.prepare.build_store", None)
    data = ["--dataset", "image-folder", "--root", phantom_root / "mammograms"]
    assert sentence in refused("run", *data, *NET, *SMALL, *flags)
