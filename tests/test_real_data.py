"""The commands on real mammograms. Tests of more than a few seconds are marked slow and have a short form."""

import tomllib
from dataclasses import replace

import numpy as np
import pytest

from birads_zoo.data.index.audit import check_rows
from birads_zoo.data.index.classes import closed
from birads_zoo.data.index.samples import label_samples
from birads_zoo.interfaces import DatasetContext
from birads_zoo.plugin.host import load_host

BACKBONES = ("baseline_cnn", "resnet50", "efficientnet_b0", "mobilenet_v2")
SLOW_BUT_ONE = [BACKBONES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in BACKBONES[1:])]
SHORT = ["--image-size", "64x64", "--epochs", 1]
FILMS = 24


# ── KAUMDS ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("backbone", SLOW_BUT_ONE)
@pytest.mark.parametrize("size", [SHORT, pytest.param([], marks=pytest.mark.slow)], ids=["short", "full"])
def test_kaumds_leaves_a_complete_folder(zoo, check_folder, real_data, tmp_path, backbone, size):
    ablations = ["no-dropout", *(["no-pretrained"] if backbone != "baseline_cnn" else [])]  # it has no weights
    result = zoo(
        "run", "--dataset", "kaumds", "--root", real_data / "kaumds-sample", "--backbone", backbone,
        *(f"--{name}" for name in ablations), "--folds", 2, "--epochs", 1, *size, "--device", "cpu", "--out", tmp_path,
    )  # fmt: skip
    assert result.status == 0, result.err
    metrics = check_folder(tmp_path / "+".join((backbone, *ablations)))
    assert metrics["classes"] == ["BI-RADS 1", "BI-RADS 5"]
    assert metrics["n"] == 11  # of 21 pictures the sheet names 11
    assert "5386 rows, 996 patients, 11 usable" in result.err
    assert (
        "no validation rows in folds 1, 2: some class" in result.err
    )  # two patients of BI-RADS 1: one to train, one to test


@pytest.mark.parametrize(
    ("views", "level", "samples", "contradicting"), [("breast", "breast", 2702, 0), ("exam", "patient", 1396, 92)]
)
def test_kaumds_categories_are_of_breasts_and_not_of_patients(real_data, views, level, samples, contradicting):
    """As in docs/architecture.md: of the sheet's 1,419 exams 23, with 4 rows each, have two categories."""
    spec = load_host().dataset("kaumds")
    index = check_rows(spec.load(DatasetContext(root=real_data / "kaumds-sample", options=spec.options())))
    target = replace(closed(spec.targets[0], index), level=level)
    sampled = label_samples(index, index, target, (), views)
    assert len(sampled.labelled.labels) == samples
    assert sum(entry.reason == "contradicting labels" for entry in sampled.used.audit) == contradicting
    counts = np.bincount(sampled.labelled.labels)
    assert counts[3:].tolist() == ([36, 11] if level == "breast" else [11, 2])


# ── mini-MIAS ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="session")
def some_films(unpack_mini_mias, tmp_path_factory):
    """The archive's first films and `Info.txt`."""
    return unpack_mini_mias(tmp_path_factory.mktemp("some-mias"), films=FILMS)


@pytest.fixture(scope="session")
def all_films(unpack_mini_mias, tmp_path_factory):
    return unpack_mini_mias(tmp_path_factory.mktemp("mias"), films=322)


@pytest.fixture
def run_mini_mias(zoo, check_folder, real_weights, tmp_path):
    def run(root, *flags):
        result = zoo(
            "run", "--dataset", "mini-mias", "--root", root, "--target", "abnormal", "--backbone", "mobilenet_v2",
            "--weights", real_weights / "mobilenet_v2_imagenet.pth", *flags, "--device", "cpu", "--out", tmp_path,
        )  # fmt: skip
        assert result.status == 0, result.err
        metrics = check_folder(tmp_path / "mobilenet_v2")
        assert metrics["classes"] == ["normal", "abnormal"]
        assert metrics["leaky"] is False
        return metrics, result

    return run


@pytest.mark.slow
def test_mini_mias_in_short(run_mini_mias, some_films):
    metrics, result = run_mini_mias(some_films, "--folds", 2, *SHORT)
    assert metrics["n"] == FILMS
    assert f"322 rows, 161 patients, {FILMS} usable" in result.err
    assert f"dropped {322 - FILMS}: no file" in result.err


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_mini_mias_whole(run_mini_mias, all_films):
    metrics, _ = run_mini_mias(all_films, "--folds", 5)
    assert metrics["n"] == 322
    assert metrics["confusion"][0][0] + metrics["confusion"][0][1] == 207


# ── The paper's recipe on the phantom ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("backbone", "ablations"),
    [
        pytest.param(name, ablations, marks=[pytest.mark.slow] * (name != "baseline_cnn" or not ablations))
        for name in BACKBONES
        for ablations in (["no-dropout"], [])
    ],
)
def test_the_papers_recipe_on_the_phantom(zoo, check_folder, phantom_root, request, tmp_path, backbone, ablations):
    drawn = backbone == "baseline_cnn" and not ablations  # the others' figures differ in their heat maps alone
    if not drawn:
        request.getfixturevalue("no_figures")
    weights = []
    if backbone == "mobilenet_v2":
        weights = ["--weights", request.getfixturevalue("real_weights") / "mobilenet_v2_imagenet.pth"]
    elif backbone != "baseline_cnn":
        ablations = [*ablations, "no-pretrained"]  # no ImageNet weights at hand
    result = zoo(
        "run", "--recipe", "paper", "--dataset", "phantom", "--root", phantom_root, "--backbone", backbone, *weights,
        *(f"--{name}" for name in ablations), "--image-size", "32x32", "--epochs", 1, "--device", "cpu",
        "--out", tmp_path,
    )  # fmt: skip
    assert result.status == 0, result.err
    assert ("the frozen part" in result.err) is ("no-pretrained" in ablations)
    metrics = check_folder(tmp_path / "+".join((backbone, *ablations)), drawn=drawn)
    assert metrics["split"] == "paper"
    assert metrics["leaky"] is True
    recipe = tomllib.loads((tmp_path / "+".join((backbone, *ablations)) / "recipe.toml").read_text())
    assert recipe["ablations"] == ablations


@pytest.mark.slow
def test_marks_removed_beside_a_breast_are_never_lesions(all_films):
    from birads_zoo.data.decoding.images import read_image
    from birads_zoo.data.dicom.burnt_in import without_marks
    from birads_zoo.interfaces import DatasetContext
    from birads_zoo_plugins.datasets import load_mini_mias

    index = load_mini_mias(DatasetContext(root=all_films))
    changed = 0
    for path, lesions in zip(index.rows["image_path"], index.rows["lesions"], strict=True):
        film = read_image(index.root / path)
        taken = without_marks(film) != film
        changed += taken.any()
        for lesion in lesions:
            x0, y0, x1, y1 = (max(int(edge), 0) for edge in (lesion.x0, lesion.y0, lesion.x1, lesion.y1))
            assert not taken[y0:y1, x0:x1].any(), path
    assert changed > 200, "most films have letters or edges"
