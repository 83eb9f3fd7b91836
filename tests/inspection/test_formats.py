"""Files by class, and facts that predict it: planted facts are detected, and false alarms are rare."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from birads_zoo.inspection.formats import association as formats
from birads_zoo.inspection.formats.association import describe_formats, measure_facts


def facts_of(**columns):
    count = len(next(iter(columns.values())))
    usual = {
        "width": 100.0, "height": 200.0, "bytes": 5000.0, "mode": "L", "format": "JPEG", "exif": False, "device": "",
        "quality": 90.0, "folder": "all", "source": "", "year": np.nan,
    }  # fmt: skip
    return pd.DataFrame({name: columns.get(name, [value] * count) for name, value in usual.items()})


def cohort(listing_of, patients, label):
    """A listing in which each patient has two pictures of one class: `label(patient)`."""
    return listing_of(*(f"P{p} e1 {side} CC {label(p)}" for p in range(patients) for side in "LR"))


def three_classes(patient):
    return ("well", "sick", "ill")[patient % 3 if patient < 30 else 0]


def test_files_of_a_class(listing_of):
    listing = listing_of("P1 e1 L CC a", "P1 e1 R CC a", "P2 e1 L CC a", "P3 e1 L CC b")
    facts = facts_of(
        width=[100.0, 100.0, 300.0, np.nan],
        height=[200.0, 200.0, 100.0, np.nan],
        bytes=[2000.0, 4000.0, 60000.0, np.nan],
        mode=["L", "L", "RGB", ""],
        exif=[True, False, False, False],
        quality=[90.0, 70.0, np.nan, np.nan],
        folder=["x", "x", "y", "y"],
        year=[2019.0, np.nan, 2018.0, 2017.0],
    )
    a, b = describe_formats(listing, facts, ("a", "b"))
    assert (a.files, a.sizes, a.different_sizes) == (3, ((100, 200, 2), (300, 100, 1)), 2)
    assert (a.aspect, a.bytes_per_pixel, a.quality) == ((0.5, 0.5, 3.0), 0.2, 80)
    assert (a.exif, a.modes, a.folders) == (pytest.approx(1 / 3), ("L", "RGB"), {"x": 2, "y": 1})
    assert a.years == {2018: 1, 2019: 1}
    assert (b.files, b.sizes, b.aspect, b.exif) == (0, (), None, None), "an absent file has no header"
    assert (b.folders, b.years) == ({"y": 1}, {2017: 1}), "the table has their folders and years"


def test_a_fact_that_follows_the_class_predicts_it(listing_of):
    listing = cohort(listing_of, 12, lambda p: "well" if p % 3 else "sick")
    width = [100.0 if label == "well" else 150.0 for label in listing["label"]]
    best, *rest = measure_facts(listing, facts_of(width=width))
    assert {best.fact, *(fact.fact for fact in rest)} == {
        "picture size",
        "aspect",
        "number of pixels",
        "bytes per pixel",
    }
    assert (best.accuracy, best.chance, best.units, best.classes, best.values) == (1, 0.5, 12, 2, 2)
    assert best.p_value < 0.05


def test_a_source_that_follows_the_class_predicts_it(listing_of):
    listing = cohort(listing_of, 12, lambda p: "well" if p % 3 else "sick")
    (result,) = measure_facts(listing, facts_of(source=["A" if label == "well" else "B" for label in listing["label"]]))
    assert (result.fact, result.accuracy) == ("source", 1.0)


def test_a_value_of_only_one_patient_predicts_nothing(listing_of):
    listing = cohort(listing_of, 12, lambda p: "well" if p % 2 else "sick")
    width = [100.0 + int(patient[1:]) for patient in listing["patient"]]
    results = {result.fact: result for result in measure_facts(listing, facts_of(width=width))}
    assert results["picture size"].accuracy == 0.5, "a size that no other patient has leaves only guessing"


def test_each_row_without_a_patient_is_a_unit(listing_of):
    listing = listing_of(*(["- - - - well"] * 6 + ["- - - - sick"] * 6))
    results = measure_facts(listing, facts_of(exif=[True] * 6 + [False] * 6))
    assert [(result.fact, result.units, result.accuracy) for result in results] == [("EXIF presence", 12, 1.0)]


def test_too_few_patients_or_values_give_no_result(listing_of):
    few = cohort(listing_of, 5, lambda p: "well" if p % 2 else "sick")
    assert measure_facts(few, facts_of(exif=(few["label"] == "well").tolist())) == ()
    alike = cohort(listing_of, 12, lambda p: "well" if p % 2 else "sick")
    assert measure_facts(alike, facts_of(exif=[False] * 24)) == (), "a fact that never varies"


@pytest.mark.slow
def test_random_facts_raise_no_more_false_alarms_than_allowed(listing_of, monkeypatch):
    """Of 150 sets of five independent random facts 5 % may raise an alarm; without Holm's correction 23 % do."""
    monkeypatch.setattr(formats, "_SHUFFLES", 99)  # the level is the same with any number
    listing = cohort(listing_of, 40, three_classes)
    patients, random, sets = sorted(set(listing["patient"])), np.random.default_rng(0), 150
    false = 0
    for seed in range(sets):
        drawn = {
            name: dict(zip(patients, random.integers(kinds, size=len(patients)), strict=True))
            for name, kinds in (("exif", 2), ("mode", 3), ("device", 3), ("folder", 4), ("year", 5))
        }
        facts = {name: [values[patient] for patient in listing["patient"]] for name, values in drawn.items()}
        facts |= {name: [str(value) for value in facts[name]] for name in ("mode", "device", "folder")}
        results = measure_facts(listing, facts_of(**facts), seed=seed)
        assert len(results) == 5
        false += any(result.p_value <= 0.05 for result in results)
    assert false <= binom.ppf(0.999, sets, 0.05), f"{false} of {sets} sets raise a false alarm"


def test_a_fact_that_follows_one_class_of_three_is_detected(listing_of):
    listing = cohort(listing_of, 40, three_classes)
    random = np.random.default_rng(0)
    for _ in range(5):
        width = np.where(listing["label"] == "ill", 110.0, 100.0) + random.integers(0, 3, len(listing))
        assert any(result.p_value <= 0.05 for result in measure_facts(listing, facts_of(width=width)))
