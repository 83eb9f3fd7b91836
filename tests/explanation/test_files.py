"""The results of `birads-zoo explain` can be read again, and damage is reported in one sentence."""

import numpy as np
import pandas as pd
import pytest

from birads_zoo.errors import UserError
from birads_zoo.explanation.files import COLUMNS, read_explanations, write_explanations, write_maps


@pytest.fixture
def explanations(made_explanations):
    deletion = {"value": 0.375, "low": 0.2, "high": 0.5}
    result = {"scores": {"deletion": deletion}, "baselines": {"random": {"deletion": None}}, "maps": "grad-cam.npz"}
    return made_explanations({"grad-cam": result}, n=2)


@pytest.fixture
def run(tmp_path, explanations):
    """The folder of a run with explanations of two images by one explainer."""
    folder = tmp_path / "explanations"
    folder.mkdir()
    table = pd.DataFrame({name: [0.25, 0.5] for name in COLUMNS}).assign(
        explainer="grad-cam", row=[7, 9], patient_id=["007", ""], density="", pointing=[np.nan, 1.0], faithful="True"
    )
    write_maps(folder / "grad-cam.npz", np.array([7, 9]), np.full((2, 4, 3), 0.5, np.float16))
    write_explanations(folder, table, explanations)
    return tmp_path


def test_everything_is_read_as_written(run, explanations):
    read = read_explanations(run)
    assert read.explanations == explanations
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
    (folder / "grad-cam.npz").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"grad-cam.npz is damaged .*; make it again with birads-zoo explain"):
        read_explanations(run).maps("grad-cam")
    (folder / "explanations.json").write_text('{"format": 1}')
    with pytest.raises(UserError, match=r"written by another birads-zoo in format 1, and this one .* format 2; make"):
        read_explanations(run)
    (folder / "explanations.json").write_text("{")
    with pytest.raises(UserError, match=r"explanations.json is damaged \(.*\); make it again with birads-zoo explain"):
        read_explanations(run)


def test_a_damaged_table_is_named(run):
    (run / "explanations" / "explanations.csv").write_text("")
    with pytest.raises(UserError, match=r"explanations.csv is damaged \(.*\); make it again with birads-zoo explain"):
        read_explanations(run)


def test_a_pickle_is_never_opened(run):
    np.savez(run / "explanations" / "grad-cam.npz", row=np.array([7, 9]), maps=np.array([{}, {}], dtype=object))
    with pytest.raises(UserError, match="is damaged"):
        read_explanations(run).maps("grad-cam")
