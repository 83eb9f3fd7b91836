"""The reference groups of the training rows identify no patient, and distances from them are right."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from birads_zoo.artifact.reference import NEIGHBOURS, PATIENTS, limit_of, make_reference, nearest
from birads_zoo.artifact.training_range import NAMES, fit_range, outside, statistics_of


@settings(max_examples=50)
@given(st.integers(1, 9), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_every_group_is_of_three_patients_of_one_class(people, most, seed):
    generator = np.random.default_rng(seed)
    patients = np.repeat([f"p{n}" for n in range(people)], generator.integers(1, most + 1, people))
    labels = np.repeat(generator.integers(0, 2, people), np.unique(patients, return_counts=True)[1])
    # One feature per patient, which is 1 in her rows: a group's mean shows which patients' rows are in it.
    features = (patients[:, None] == np.unique(patients)).astype(np.float32)
    reference = make_reference(features, labels, patients, generator)
    mean_features = reference.features * reference.spread + reference.mean
    for group, label in zip(mean_features, reference.labels, strict=True):
        whose = np.flatnonzero(group > 0.01)
        assert len(whose) == PATIENTS
        assert {labels[patients == f"p{n}"][0] for n in whose} == {label}
    assert len(reference.labels) == 0 or people >= PATIENTS


def test_a_class_of_two_patients_is_left_out_and_each_row_without_a_patient_counts():
    generator = np.random.default_rng(0)
    features = generator.normal(size=(12, 4)).astype(np.float32)
    labels = np.array([0] * 6 + [1] * 6)
    named = np.array(["a", "a", "a", "b", "b", "b"] + [""] * 6)
    assert set(make_reference(features, labels, named, generator).labels) == {1}


def test_the_distance_is_that_to_the_fifth_nearest_group():
    generator = np.random.default_rng(1)
    features = (generator.normal(size=(60, 8)) * [1, 10, 1, 1, 1, 1, 1, 0.1]).astype(np.float32)
    reference = make_reference(features, np.repeat([0, 1], 30), np.arange(60).astype(str), generator)
    new = generator.normal(size=(5, 8)).astype(np.float32)
    scaled = (new - features.mean(0)) / np.maximum(features.std(0), 0.1 * features.std(0).mean())
    distances = np.linalg.norm(scaled[:, None] - reference.features[None], axis=2)
    distance, labels = nearest(new, reference)
    np.testing.assert_allclose(distance, np.sort(distances, axis=1)[:, NEIGHBOURS - 1], rtol=1e-4)
    np.testing.assert_array_equal(labels, reference.labels[np.argsort(distances, axis=1)[:, :NEIGHBOURS]])


def test_without_groups_there_is_no_distance():
    features, labels, patients = np.ones((2, 3), np.float32), np.array([0, 0]), np.array(["a", "b"])
    reference = make_reference(features, labels, patients, np.random.default_rng(0))
    distance, labels = nearest(np.ones((4, 3), np.float32), reference)
    assert np.isnan(distance).all()
    assert labels.shape == (4, 0)


def test_every_patient_weighs_the_same_in_the_limit():
    many, few = np.full(1000, 5.0), np.linspace(1, 2, 200)
    patients = np.array(["one"] * 1000), np.arange(200).astype(str)
    assert limit_of([many, few], patients) == pytest.approx(np.quantile(few, 0.995), abs=0.01)
    assert limit_of([np.empty(0)], [np.empty(0, np.str_)]) is None


def test_new_patients_exceed_the_limit_about_as_often_as_they_should():
    """150 simulated patients have 1 to 4 correlated rows; 1 % should be beyond the limit, 0.5 to 2.5 % are allowed."""
    generator, beyond = np.random.default_rng(2), []
    for _ in range(100):
        patients = np.repeat(np.arange(300), generator.integers(1, 5, 300))
        values = generator.normal(size=300)[patients] + generator.normal(size=len(patients))
        old = patients < 150
        limit = limit_of([values[old]], [patients[old].astype(str)])
        beyond.append(np.mean(values[~old] > limit))
    assert 0.005 < np.mean(beyond) < 0.025


def test_a_range_holds_its_rows_and_a_margin_and_no_more():
    generator = np.random.default_rng(3)
    rows = generator.uniform(1, 2, (1000, len(NAMES)))
    ranges = fit_range(rows)
    assert outside(rows, ranges).sum() == 0
    assert not outside(np.full((1, len(NAMES)), 2.3), ranges).any()
    assert outside(np.full((1, len(NAMES)), 2.7), ranges).all()
    assert outside(np.full((1, len(NAMES)), 0.3), ranges).all()
    same = fit_range(np.ones((10, len(NAMES))))
    assert not outside(np.full((1, len(NAMES)), 1.09), same).any()
    assert outside(np.full((1, len(NAMES)), 1.11), same).all()


def test_statistics_do_not_depend_on_the_depth():
    picture = np.random.default_rng(4).integers(0, 256, (40, 30), dtype=np.uint8)
    statistics = statistics_of(picture, (400, 300))
    deep = statistics_of(picture.astype(np.uint16) * np.uint16(257), (400, 300))
    np.testing.assert_allclose(deep, statistics, rtol=1e-5)
    assert statistics[:2].tolist() == [400, pytest.approx(4 / 3)]
    assert statistics[2] == pytest.approx(picture.mean() / 255)
