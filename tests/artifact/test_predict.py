"""Predictions come in order, for all kinds of input, in little memory, and with warnings."""

import dataclasses
from contextlib import nullcontext
from types import SimpleNamespace

import msgspec
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from birads_zoo.artifact import reading
from birads_zoo.artifact.ensemble import _warnings, calibrate, vote
from birads_zoo.artifact.manifest import FoldPart
from birads_zoo.artifact.reading import samples_of
from birads_zoo.artifact.rows import as_row, columns_of
from birads_zoo.artifact.samples import Sample
from birads_zoo.artifact.training_range import NAMES
from birads_zoo.data.index.views import grouped_samples
from birads_zoo.errors import UserError
from birads_zoo.evaluation.probabilities.applying import recalibrated
from birads_zoo.interfaces import DatasetContext, NoOptions
from birads_zoo.plugin.host import load_host


def part(temperature=None, threshold=None, shift=(0.0, 0.0, 0.0)):
    return FoldPart(
        number=0, weights="", folded=False, temperature=temperature, shift=shift, threshold=threshold, scale=None
    )


def test_every_picture_has_its_prediction_in_order(model, paths):
    forwards = model.predict(paths[:10], batch_size=3)
    backwards = model.predict(paths[9::-1], batch_size=4)
    assert [prediction.source for prediction in forwards] == [str(path) for path in paths[:10]]
    for prediction, again in zip(forwards, reversed(backwards), strict=True):
        np.testing.assert_allclose(
            list(prediction.probabilities.values()), list(again.probabilities.values()), atol=1e-6
        )
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert sum(prediction.similar.values()) == pytest.approx(1)
        assert prediction.predicted in prediction.conformal_set


def test_a_prediction_is_the_mean_of_those_by_single_networks(model, paths):
    manifest = msgspec.structs.replace(model.manifest, folds=model.manifest.folds[:1])
    parts = {name: getattr(model, name)[:1] for name in ("networks", "classifiers", "references")}
    (own,) = dataclasses.replace(model, manifest=manifest, **parts).predict(paths[0])
    (other,) = dataclasses.replace(
        model,
        manifest=msgspec.structs.replace(model.manifest, folds=model.manifest.folds[1:]),
        **{name: getattr(model, name)[1:] for name in parts},
    ).predict(paths[0])
    (both,) = model.predict(paths[0])
    for name in model.classes:
        assert both.probabilities[name] == pytest.approx((own.probabilities[name] + other.probabilities[name]) / 2)
    assert own.distance != other.distance


def test_a_picture_is_a_path_or_an_array_of_any_depth(model, paths):
    pixels = np.asarray(Image.open(paths[0]).convert("L"))
    deep = pixels.astype(np.uint16) * np.uint16(257)
    (of_path,), (of_array,), (of_deep,) = model.predict(paths[0]), model.predict(pixels), model.predict(deep)
    assert of_array.source == ""
    mixed = model.predict([str(paths[0]), pixels, deep])
    for prediction in (of_array, of_deep, *mixed):
        np.testing.assert_allclose(
            list(prediction.probabilities.values()),
            list(of_path.probabilities.values()),
            atol=1e-4,
            err_msg=prediction.source,
        )


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.zeros((9, 9, 3), np.uint8), r"cannot predict an array \(9, 9, 3\) of uint8"),
        (np.zeros((9, 9)), r"cannot predict an array \(9, 9\) of float64"),
        (None, "cannot predict NoneType: give a file's path"),
    ],
)
def test_an_input_that_is_not_a_picture_is_refused(model, picture, message):
    with pytest.raises(UserError, match=message):
        model.predict([picture])


def test_an_unreadable_picture_has_its_reason_and_the_rest_finish(model, paths, tmp_path):
    (tmp_path / "text.png").write_text("no picture")
    pictures = [tmp_path / "text.png", paths[0], tmp_path / "missing.png", paths[1], np.zeros((9, 9), np.uint8)]
    predictions = model.predict(pictures, batch_size=2)
    assert [prediction.error.partition(":")[0] for prediction in predictions] == [
        "does not decode",
        "",
        "no file",
        "",
        "too small",
    ]
    assert [bool(prediction.probabilities) for prediction in predictions] == [False, True, False, True, False]
    assert not model.predict([tmp_path / "missing.png"])[0].predicted


@pytest.mark.parametrize("output", [0, 2], ids=["scores", "features"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_a_number_that_is_none_is_never_a_prediction(model, paths, output, value):
    def broken(images, present):
        outputs = [values.clone() for values in model.networks[1](images, present)]
        if len(images) > 1:
            outputs[output][1, 0] = value
        return tuple(outputs)

    networks = (model.networks[0], broken)
    first, second, third, last = dataclasses.replace(model, networks=networks).predict(paths[:4], batch_size=3)
    assert second.source == str(paths[1])
    assert second.error == "1 of the model's 2 networks give infinite or NaN values for it, so there is no prediction"
    assert (second.predicted, second.probabilities, second.conformal_set) == ("", {}, ())
    assert (first, third, last) == tuple(model.predict(paths[:4], batch_size=3)[place] for place in (0, 2, 3))


def test_all_pictures_of_a_batch_can_be_without_a_prediction(model, paths):
    def broken(images, present):
        return tuple(values * torch.nan for values in model.networks[0](images, present))

    predictions = dataclasses.replace(model, networks=(broken, broken)).predict(paths[:2])
    assert [bool(prediction.predicted) for prediction in predictions] == [False, False]
    assert all(prediction.error.startswith("2 of the model's 2 networks") for prediction in predictions)


def test_a_dicom_file_is_predicted_without_the_patients_name(model, paths, write_dicom, tmp_path):
    pixels = np.asarray(Image.open(paths[0]).convert("L"))
    file = write_dicom(tmp_path / "exposure", pixels)
    (of_dicom,), (of_array,) = model.predict(file), model.predict(pixels)
    assert of_dicom.error == ""
    assert "Quux" not in repr(of_dicom)
    gap = np.abs(np.subtract(list(of_dicom.probabilities.values()), list(of_array.probabilities.values())))
    assert gap.max() < 0.05, "a DICOM picture is stretched over its range, and is otherwise the same"


def test_pictures_are_not_read_far_ahead(model, monkeypatch):
    monkeypatch.setattr(reading, "_AHEAD", 4)
    taken = 0

    def endless():
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros((64, 48), np.uint8)

    stream = model.stream(endless(), batch_size=2)
    for done in range(1, 21):
        next(stream)
        assert taken <= done + 4 + 2 * 4, "pictures are read far ahead of their use"
    stream.close()


def test_pictures_that_are_not_mammograms_get_a_warning(model, strangers):
    for name, (prediction,) in {name: model.predict(path) for name, path in strangers.items()}.items():
        assert prediction.warnings, name
    page = model.predict(strangers["page"])[0]
    assert any(
        "the mean grey value, 0" in warning and "outside the training range" in warning for warning in page.warnings
    )


def test_new_pictures_of_the_same_source_rarely_get_a_warning(model, zoo, tmp_path):
    zoo(
        "phantom", "--patients", 12, "--size", "128x96", "--balance", "balanced", "--seed", 9, "--out", tmp_path / "new"
    )
    predictions = model.predict(sorted((tmp_path / "new").rglob("*.jpg")))
    predictions = [prediction for prediction in predictions if not prediction.error]
    assert len(predictions) > 20
    assert np.mean([bool(prediction.warnings) for prediction in predictions]) < 0.2


def test_another_size_of_file_gets_a_warning(model, paths):
    pixels = np.asarray(Image.open(paths[0]).convert("L"))
    (large,) = model.predict(pixels.repeat(8, axis=0).repeat(8, axis=1))
    assert any(warning.startswith("the longer side in pixels, 1024, is outside") for warning in large.warnings)


def test_a_model_of_two_views_takes_a_table_that_says_which_belong_together():
    rows = [("a_L.png", "a", "L", "CC"), ("a_R.png", "a", "R", "CC"), ("b_L.png", "b", "L", "CC")]
    table = pd.DataFrame(rows, columns=["image_path", "patient_id", "laterality", "view"])
    names = [[path and path.name for path in sample.pictures] for sample in samples_of(table, "bilateral", "image")]
    assert names == [["a_L.png", "a_R.png"], ["a_R.png", "a_L.png"], ["b_L.png", None]]
    with pytest.raises(UserError, match=r"looks at 2 pictures of a patient at once .* give a table with the columns"):
        samples_of(["a_L.png"], "bilateral", "image")
    with pytest.raises(UserError, match="lacks the column 'view'; it needs image_path, patient_id, laterality, view"):
        samples_of(table.drop(columns="view"), "bilateral", "image")


@pytest.mark.parametrize("exams", [{"study_date": ["2019", "2019", "2021", "2021"]}, {"exam_id": [1, 1, 2, 2]}])
def test_a_table_is_read_as_training_reads_it(exams, tmp_path):
    """Sides and views have any spelling; a patient's exams are separated by their ids, or else by their dates."""
    table = pd.DataFrame(
        {
            "image_path": ["0.png", "1.png", "2.png", "3.png"],
            "patient_id": ["P 1", "P1", "P1", "P1"],
            "laterality": ["left", "R", "Left", "right"],
            "view": ["cc", "CC", "CC", "Cc"],
            **exams,
        }
    )
    names = [[path and path.name for path in sample.pictures] for sample in samples_of(table, "exam", "patient")]
    assert names == [["0.png", None, "1.png", None], ["2.png", None, "3.png", None]]
    (tmp_path / "table.csv").write_text(table.assign(assessment=1).to_csv(index=False))
    spec = load_host().dataset("csv")
    rows = spec.load(DatasetContext(root=tmp_path, options=spec.options())).rows
    trained = grouped_samples(rows, "exam", "patient")[0]
    assert trained.pictures[:, [0, 2]].tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(("views", "level", "absent"), [("exam", "patient", 3), ("bilateral", "image", 1)])
def test_a_single_view_of_an_exam_is_predicted(views, level, absent):
    table = pd.DataFrame([("a.png", "a", "L", "MLO")], columns=["image_path", "patient_id", "laterality", "view"])
    (sample,) = samples_of(table, views, level)
    assert sample.pictures.count(None) == absent
    assert sample.source == "a.png"


def test_absent_views_give_a_warning(model):
    manifest = SimpleNamespace(
        view_names=("L_CC", "L_MLO", "R_CC", "R_MLO"), training_range=model.manifest.training_range
    )
    unknown = np.full((4, len(NAMES)), np.nan)
    for present, warnings in (([1, 0, 1, 0], ["2 of 4 views: L_MLO, R_MLO not given"]), ([1] * 4, [])):
        there = np.array(present, np.bool_)
        ready = reading.Ready(source="", pixels=np.zeros((4, 2, 2), np.uint8), present=there, statistics=unknown)
        assert list(_warnings(manifest, ready, np.nan)) == warnings


def test_a_partner_that_cannot_be_read_is_named(model, paths, tmp_path):
    prediction = reading.read(
        Sample(source="own", pictures=(paths[0], tmp_path / "gone.png")), model.manifest.preprocessing
    )
    assert prediction.error == f"another view, {tmp_path / 'gone.png'}: no file: it does not exist"


def test_calibration_recalibrates_each_fold_before_the_mean():
    probabilities = [np.array([[0.7, 0.2, 0.1]]), np.array([[0.1, 0.1, 0.8]])]
    shift = (0.5, 0.0, -0.5)
    calibrated = calibrate(probabilities, [part(temperature=2.0, shift=shift), part(shift=shift)])
    expected = (recalibrated(probabilities[0], 2.0, np.array(shift)) + probabilities[1]) / 2
    np.testing.assert_allclose(calibrated, expected)


def test_a_model_without_temperatures_has_no_calibrated_probabilities(calibrated_by, paths):
    none, some = calibrated_by(None, None), calibrated_by(None, 3.0)
    (uncalibrated,), (partly,) = none.predict(paths[0]), some.predict(paths[0])
    assert uncalibrated.calibrated == {}
    assert sum(partly.calibrated.values()) == pytest.approx(1)
    assert partly.calibrated != partly.probabilities
    cells = [value for name, value in as_row(uncalibrated, none.classes).items() if name.startswith("calibrated_")]
    assert cells == [""] * len(none.classes)


def test_a_set_holds_the_classes_of_most_folds_sets_and_always_the_likeliest():
    sure, unsure = np.array([[0.9, 0.06, 0.04]]), np.array([[0.4, 0.35, 0.25]])
    of_three = [part(threshold=0.5), part(threshold=0.5), part(threshold=0.5)]
    assert vote([sure, sure, unsure], of_three, sure, ordinal=False).tolist() == [[True, False, False]]
    assert vote([sure, unsure, unsure], of_three, sure, ordinal=False).tolist() == [[True, True, False]]
    assert vote([sure, sure], [part(), part()], sure, ordinal=True).all(), "folds without a threshold hold all classes"
    high = np.array([[0.04, 0.06, 0.9]])
    split = [sure, sure, high, high]  # half of them is no majority
    none = vote(split, [part(threshold=0.1)] * 4, np.mean(split, axis=0), ordinal=False)
    assert none.tolist() == [[True, False, False]]


def test_a_class_exactly_at_a_folds_threshold_is_in_its_set():
    """Before class 1, a set takes in class 0, which has a probability of exactly 0.5."""
    even = np.array([[0.5, 0.375, 0.125]])
    at, below = part(threshold=0.5), part(threshold=0.499)
    assert vote([even] * 3, [at, at, below], even, ordinal=False).tolist() == [[True, True, False]]
    assert vote([even] * 2, [at, below], even, ordinal=False).tolist() == [[True, False, False]], "one of two is half"


def test_sets_of_ordered_classes_have_no_gaps():
    ends = [np.array([[0.9, 0.06, 0.04]]), np.array([[0.04, 0.06, 0.9]])]
    middle = np.array([[0.45, 0.1, 0.45]])
    folds = [part(threshold=0.05), part(threshold=0.05), part(threshold=0.6)]
    sets = vote([*ends, middle], folds, middle, ordinal=True)
    assert sets.tolist() == [[True, True, True]]


def test_the_rows_of_the_table_have_its_columns(model, paths, tmp_path):
    columns = columns_of(model.classes)
    good, bad = (as_row(prediction, model.classes) for prediction in model.predict([paths[0], tmp_path / "none.png"]))
    assert set(good) == set(columns)
    assert bad == {"image_path": str(tmp_path / "none.png"), "error": "no file: it does not exist"}


def test_random_explainers_are_seeded_by_the_recipe(model, paths):
    spec = SimpleNamespace(
        name="noise", build=lambda classifier: lambda images, targets, present: torch.rand(images[:, :, 0].shape)
    )
    host = SimpleNamespace(
        explainer=lambda name: spec, options=lambda *about: NoOptions(), building=lambda kind, name: nullcontext()
    )

    def heat(seed):
        manifest = msgspec.structs.replace(model.manifest, recipe=model.manifest.recipe.replace({"seed": seed}))
        seeded = dataclasses.replace(model, manifest=manifest, host=host)
        return seeded.explain(Sample(source="", pictures=(paths[3],)), "BI-RADS 4").heat

    np.testing.assert_array_equal(heat(7), heat(7))
    assert not np.array_equal(heat(7), heat(8))


def test_explaining_shows_the_picture_as_the_network_gets_it(model, data, paths):
    shown = model.explain(Sample(source="", pictures=(paths[3],)), "BI-RADS 4")
    np.testing.assert_array_equal(shown.picture, data.store.array[data.positions[3]])
    assert shown.heat.shape == shown.picture.shape
    assert 0 <= shown.heat.min() <= shown.heat.max() <= 1


def test_a_model_is_described_in_one_line(model):
    text = repr(model)
    assert text.startswith("<Model ")
    assert text.endswith(f"{len(model.networks)} networks as safetensors, classes {', '.join(model.classes)}>")
    assert len(text) < 200
