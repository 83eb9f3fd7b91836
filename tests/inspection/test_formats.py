"""Files by class, and facts that name it: planted ones are found, and none where there is none."""

import numpy as np
import pandas as pd
import pytest

from birads_zoo.inspection.formats import describe_formats, find_names


def facts_of(**columns):
    count = len(next(iter(columns.values())))
    usual = {
        "width": 100.0, "height": 200.0, "bytes": 5000.0, "mode": "L", "format": "JPEG", "exif": False, "device": "",
        "quality": 90.0, "folder": "all", "source": "", "year": np.nan,
    }  # fmt: skip
    return pd.DataFrame({name: columns.get(name, [value] * count) for name, value in usual.items()})


def cohort(listing_of, patients, label):
    """Each patient with two pictures of one class: `label(patient)`."""
    return listing_of(*(f"P{p} e1 {side} CC {label(p)}" for p in range(patients) for side in "LR"))


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
    assert (b.files, b.sizes, b.aspect, b.exif) == (0, (), None, None), "an absent file tells nothing"
    assert (b.folders, b.years) == ({"y": 1}, {2017: 1}), "the table still does"


def test_a_fact_that_follows_the_class_names_it(listing_of):
    listing = cohort(listing_of, 12, lambda p: "well" if p % 3 else "sick")
    width = [100.0 if label == "well" else 150.0 for label in listing["label"]]
    best, *rest = find_names(listing, facts_of(width=width))
    assert {best.fact, *(one.fact for one in rest)} == {"picture size", "aspect", "number of pixels", "bytes per pixel"}
    assert (best.accuracy, best.chance, best.units, best.classes, best.values) == (1, 0.5, 12, 2, 2)
    assert best.p_value < 0.05


def test_a_source_that_follows_the_class_names_it(listing_of):
    listing = cohort(listing_of, 12, lambda p: "well" if p % 3 else "sick")
    (found,) = find_names(listing, facts_of(source=["A" if label == "well" else "B" for label in listing["label"]]))
    assert (found.fact, found.accuracy) == ("source", 1.0)


def test_a_fact_known_of_one_patient_alone_names_nothing(listing_of):
    listing = cohort(listing_of, 12, lambda p: "well" if p % 2 else "sick")
    width = [100.0 + int(patient[1:]) for patient in listing["patient"]]
    found = {one.fact: one for one in find_names(listing, facts_of(width=width))}
    assert found["picture size"].accuracy == 0.5, "a size that no other patient has leaves guessing"


def test_rows_without_a_patient_stand_for_themselves(listing_of):
    listing = listing_of(*(["- - - - well"] * 6 + ["- - - - sick"] * 6))
    found = find_names(listing, facts_of(exif=[True] * 6 + [False] * 6))
    assert [(one.fact, one.units, one.accuracy) for one in found] == [("EXIF presence", 12, 1.0)]


def test_too_little_is_not_judged(listing_of):
    few = cohort(listing_of, 5, lambda p: "well" if p % 2 else "sick")
    assert find_names(few, facts_of(exif=(few["label"] == "well").tolist())) == ()
    alike = cohort(listing_of, 12, lambda p: "well" if p % 2 else "sick")
    assert find_names(alike, facts_of(exif=[False] * 24)) == (), "a fact that never varies"


@pytest.mark.slow
def test_no_alarm_where_facts_tell_nothing(listing_of):
    """Of 40 sets with random facts at most 5 % + 2 standard errors may raise any; planted ones all must."""
    listing = cohort(listing_of, 40, lambda p: ("well", "sick", "ill")[p % 3 if p < 30 else 0])
    random = np.random.default_rng(0)
    false, missed = 0, 0
    for _ in range(40):
        own = {p: (random.integers(90, 110), random.integers(2015, 2020)) for p in set(listing["patient"])}
        width, year = (np.array([own[p][k] for p in listing["patient"]], float) for k in (0, 1))
        false += any(one.p_value <= 0.05 for one in find_names(listing, facts_of(width=width, year=year)))
    for _ in range(5):
        width = np.where(listing["label"] == "ill", 110.0, 100.0) + random.integers(0, 3, len(listing))
        missed += not any(one.p_value <= 0.05 for one in find_names(listing, facts_of(width=width)))
    assert (false <= 40 * 0.05 + 2 * (40 * 0.05 * 0.95) ** 0.5, missed) == (True, 0), f"{false} of 40 false alarms"
