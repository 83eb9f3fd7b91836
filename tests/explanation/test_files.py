"""The results of `birads-zoo explain` can be read again, and damage is reported in one sentence."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from birads_zoo.errors import UserError
from birads_zoo.explanation.files import (
    COLUMNS,
    changed_explanations,
    read_explanations,
    write_explanations,
    write_maps,
)


@pytest.fixture
def explanations(made_explanations):
    deletion = {"value": 0.375, "low": 0.2, "high": 0.5}
    result = {"scores": {"deletion": deletion}, "baselines": {"random": {"deletion": None}}, "maps": "grad-cam.npz"}
    return made_explanations({"grad-cam": result}, n=2)


def two_rows():
    return pd.DataFrame({name: [0.25, 0.5] for name in COLUMNS}).assign(
        explainer="grad-cam", row=[7, 9], patient_id=["007", ""], density="", pointing=[np.nan, 1.0], faithful="True"
    )


@pytest.fixture
def run(tmp_path, explanations):
    """The folder of a run with explanations of two images by one explainer."""
    folder = tmp_path / "explanations"
    folder.mkdir()
    write_maps(folder / "grad-cam.npz", np.array([7, 9]), np.full((2, 4, 3), 0.5, np.float16))
    write_explanations(folder, two_rows(), explanations)
    return tmp_path


def test_everything_is_read_as_written(run, explanations):
    read = read_explanations(run)
    assert sorted(read.explanations.files) == ["explanations.csv", "grad-cam.npz"]
    assert msgspec.structs.replace(read.explanations, files={}) == explanations
    assert read.table.columns.tolist() == list(COLUMNS)
    assert read.table["patient_id"].tolist() == ["007", ""]
    assert read.table["faithful"].tolist() == ["True", "True"]
    assert np.isnan(read.table["pointing"][0])
    assert read.table["deletion"].tolist() == [0.25, 0.5]
    rows, maps = read.maps("grad-cam")
    assert rows.tolist() == read.table["row"].tolist()
    assert (maps.dtype, maps.shape) == (np.float16, (2, 4, 3))


def test_a_run_that_was_never_explained_has_none(tmp_path):
    assert read_explanations(tmp_path) is None


def test_damage_and_other_formats_are_reported_in_one_sentence(run):
    folder = run / "explanations"
    (folder / "explanations.json").write_text('{"format": 1}')
    with pytest.raises(UserError, match=r"written by another birads-zoo in format 1, and this one .* format 3; make"):
        read_explanations(run)
    (folder / "explanations.json").write_text("{")
    with pytest.raises(UserError, match=r"explanations.json is damaged \(.*\); make it again with birads-zoo explain"):
        read_explanations(run)


@pytest.mark.parametrize("name", ["explanations.csv", "grad-cam.npz"])
@pytest.mark.parametrize("change", ["one byte", "gone"])
def test_a_changed_file_is_named(run, name, change):
    path = run / "explanations" / name
    content = path.read_bytes()
    path.unlink()
    if change == "one byte":
        path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    with pytest.raises(
        UserError,
        match=rf"^{path} is damaged \(it is missing or was changed .*\); make it again with birads-zoo explain",
    ):
        read_explanations(run)
    assert changed_explanations(run) == [f"explanations/{name}"]


@pytest.mark.parametrize("maps", [np.array([{}, {}], dtype=object), None], ids=["a pickle", "no archive"])
def test_maps_that_were_not_written_by_this_program_are_refused(run, maps, explanations):
    folder = run / "explanations"
    (folder / "grad-cam.npz").write_bytes(b"no archive")
    if maps is not None:
        np.savez(folder / "grad-cam.npz", row=np.array([7, 9]), maps=maps)
    write_explanations(folder, two_rows(), explanations)
    with pytest.raises(UserError, match=r"grad-cam.npz is damaged .*; make it again with birads-zoo explain"):
        read_explanations(run).maps("grad-cam")
