"""A data set recognises its own folders and no others."""

import pytest

from birads_zoo import conformance
from birads_zoo.interfaces import DatasetSpec, Target
from birads_zoo.plugin.host import load_host

TARGET = Target(name="label", column="label", classes=None)


def spec(recognise):
    return DatasetSpec(name="x", summary="s", load=print, targets=(TARGET,), recognise=recognise)


@pytest.mark.parametrize("name", sorted(load_host().datasets))
def test_every_bundled_data_set_keeps_the_contract(name):
    assert conformance.check_spec(load_host().dataset(name)) == []


def test_a_data_set_without_recognise_passes():
    assert conformance.check_dataset(spec(None)) == []


@pytest.mark.parametrize(
    ("recognise", "message"),
    [
        (lambda folder, files: "any" if not files else "", "`recognise` takes an empty folder"),
        (
            lambda folder, files: next((file for file in files if file.endswith(".csv")), ""),
            "`recognise` takes a folder of letters and accounts: 'accounts.csv'",
        ),
        (
            lambda folder, files: "texts" if len(files) > 1000 else "",
            "`recognise` takes a folder of texts: 'texts'",
        ),
        (lambda folder, files: None, "`recognise` returned a value of type NoneType, not a text"),
        (lambda folder, files: files[0], "it failed: IndexError: tuple index out of range"),
        (lambda folder, files: "".join((folder / file).read_text() for file in files) and "", "it failed: Unicode"),
        (lambda folder: "", "it failed: TypeError: "),
    ],
)
def test_each_way_to_break_the_contract(recognise, message):
    (finding,) = conformance.check_dataset(spec(recognise))
    assert finding.severity == "error"
    assert finding.text.startswith(message)


def test_a_slow_recognise_gets_a_warning(monkeypatch):
    clock = iter((0.0, 60.0))
    monkeypatch.setattr("birads_zoo.conformance.dataset.time.monotonic", lambda: next(clock))
    (finding,) = conformance.check_dataset(spec(lambda folder, files: ""))
    assert (finding.severity, finding.text.partition(":")[0]) == ("warning", "`recognise` took 60 s for 20000 names")


def test_its_own_example_is_recognised(phantom_root):
    assert conformance.check_dataset(load_host().dataset("phantom"), phantom_root) == []
    (finding,) = conformance.check_dataset(load_host().dataset("mini-mias"), phantom_root)
    assert finding.text == f"`recognise` does not take its own folder {phantom_root}"


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    seen = []
    conformance.check_dataset(spec(lambda folder, files: seen.append(folder) or ""))
    assert seen[0].parent == tmp_path
    assert list(tmp_path.iterdir()) == []
