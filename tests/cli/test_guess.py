"""`birads-zoo guess`."""

import json

import pytest

import birads_zoo
from birads_zoo.plugin.host import load_host

pytestmark = pytest.mark.usefixtures("folder")  # the working directory is an empty one

_PLUGIN = """
from birads_zoo import DatasetSpec, Target, hookimpl

def recognise(folder, files):
    raise ValueError("cannot look")

@hookimpl
def birads_zoo_datasets():
    target = Target(name="label", column="label", classes=None)
    return [DatasetSpec(name="broken", summary="s", load=print, targets=(target,), recognise=recognise)]
"""


@pytest.fixture
def write(folder):
    """Write files into the folder `data`: `write({"a/b.txt": b"content"})` → the folder."""

    def write_files(files):
        for name, content in files.items():
            (folder / "data" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "data" / name).write_bytes(content)
        return folder / "data"

    return write_files


def fits(zoo, path):
    """Return each data set that fits with its reason."""
    result = zoo("guess", path, "--json")
    assert result.status == (0 if result.out != "[]\n" else 1), result.err
    return {guess["dataset"]: guess["reason"] for guess in json.loads(result.out)}


def test_a_matching_data_set_is_listed_with_its_reason_and_a_command(zoo, write):
    write({"Info.txt": b"mdb001 G CIRC B 535 425 197\n", "mdb001.pgm": b"P5"}).rename("my films")
    result = zoo("guess", "my films")
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        "mini-mias: Info.txt beside mdb001.pgm\n  birads-zoo audit --dataset mini-mias --root 'my films'\n"
    )


def test_json_is_the_only_output_on_stdout(zoo, write):
    root = write({"pgm/Info.txt": b"", "pgm/MDB001.PGM": b""})
    (entry,) = json.loads(zoo("guess", root, "--json").out)
    assert entry == {
        "dataset": "mini-mias",
        "summary": load_host().dataset("mini-mias").summary,
        "reason": "Info.txt beside MDB001.PGM",
        "command": f"birads-zoo audit --dataset mini-mias --root {root}",
        "generic": False,
    }
    assert [guess.to_dict() for guess in birads_zoo.guess(root)] == [entry]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"labels.csv": b"file;birads\na.png;4\n"},
            {"csv": "labels.csv with columns for image_path, assessment"},
        ),
        ({"labels.csv": b"patient,birads\n1,4\n"}, {}),
        ({"a.csv": b"image,birads\n", "b.csv": b"image,birads\n"}, {}),
        (
            {"train/calm/a.png": b"", "test/odd/b.png": b"", "labels.txt": b""},
            {"image-folder": "folders of pictures: calm, odd"},
        ),
        ({"calm/a.png": b"", "b.png": b""}, {}),
        ({"x/1": bytes(128) + b"DICM", "read.me": b"text"}, {"dicom-folder": "DICOM files, such as x/1"}),
        (
            {"mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg": b"", "BIRAD 2/a.jpg": b""},
            {
                "kaumds": "pictures in folders of BI-RADS categories with its names, such as "
                "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg"
            },
        ),
        ({"truth/lesions.csv": b""}, {"phantom": "its truth/lesions.csv"}),
        ({}, {}),
    ],
)
def test_readers_give_the_reason_why_a_folder_fits(zoo, write, folder, files, expected):
    (folder / "data").mkdir()
    assert fits(zoo, write(files)) == expected


def test_a_sheet_of_kaumds_is_known_by_its_columns(zoo, folder):
    import openpyxl

    book = openpyxl.Workbook()
    columns = ["PatientID", "Assesment", "Image path"]
    book.active.append(columns)
    book.save(folder / "sheet.xlsx")
    assert fits(zoo, folder) == {}
    book = openpyxl.Workbook()
    book.active.append([*columns, "Percentage of grandular tissue(density)"])
    book.save(folder / "sheet.xlsx")
    assert fits(zoo, folder) == {"kaumds": "sheet.xlsx with its columns"}


def test_a_generic_reader_is_silent_where_another_fits(zoo, write):
    root = write({"train_images/1/2.dcm": bytes(128) + b"DICM", "train_images/2/3.dcm": bytes(128) + b"DICM"})
    assert list(fits(zoo, root)) == ["dicom-folder", "image-folder"]
    columns = b"patient_id,image_id,laterality,view,cancer,difficult_negative_case\n1,2,L,CC,0,False\n"
    write({"train.csv": columns})
    assert list(fits(zoo, root)) == ["rsna-2022"]


def test_a_phantom_is_one_before_it_is_kaumds(zoo, write):
    root = write({"truth/lesions.csv": b"", "mammograms/BIRAD 1/2019_BC000001_ CC_R.jpg": b""})
    assert list(fits(zoo, root)) == ["phantom", "kaumds"]


def test_nothing_fits(zoo, folder):
    result = zoo("guess", folder)
    assert (result.status, result.out) == (1, "")
    assert result.err == f"birads-zoo: no data set fits {folder}; birads-zoo list datasets shows what is read\n"


@pytest.mark.parametrize(("name", "sentence"), [("gone", "no such folder: gone"), ("file", "file is a file: give the")])
def test_a_path_that_is_no_folder(refused, folder, name, sentence):
    (folder / "file").write_text("")
    assert refused("guess", name).startswith(sentence)


def test_a_plugin_that_fails_is_a_line_on_stderr(zoo, write, folder):
    (folder / "broken.py").write_text(_PLUGIN)
    root = write({"Info.txt": b"", "mdb001.pgm": b""})
    result = zoo("guess", root, "--plugin", "broken.py")
    assert result.status == 0
    assert result.out.startswith("mini-mias: ")
    (line,) = result.err.splitlines()
    assert line.startswith("birads-zoo: warning: data set 'broken' (plugin ")
    assert line.endswith(f"failed to look at {root}: ValueError: cannot look (line 5)")
