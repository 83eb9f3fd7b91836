"""Sizes of classes, compared with counts and chances computed by hand."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo.inspection.population import chance_of_none, count_population, count_views, held_out


def test_a_class_is_counted_in_rows_patients_and_breasts(listing_of):
    listing = listing_of(
        "P1 e1 L CC well", "P1 e1 L MLO well absent", "P1 e1 R CC sick", "P2 e1 L CC well absent", "- - L CC sick"
    )  # fmt: skip
    well, sick = count_population(listing, ("well", "sick"))
    assert (well.rows, well.usable, well.patients, well.usable_patients, well.breasts) == (3, 1, 2, 1, 2)
    assert (sick.rows, sick.usable, sick.patients, sick.usable_patients, sick.breasts) == (2, 2, 1, 1, 1)
    assert well.missed == 0, "one of two patients is drawn, and both are well"
    assert sick.missed == 0.5, "one of two patients is drawn, and one has a sick breast"


def test_without_patients_there_is_no_chance(listing_of):
    (sick,) = count_population(listing_of("- - - - sick"), ("sick",))
    assert (sick.patients, sick.breasts, sick.missed) == (0, 0, None)


def test_the_papers_rare_class():
    assert held_out(487) == 49
    assert chance_of_none(487, 9, 49) == pytest.approx(comb(478, 49) / comb(487, 49), rel=1e-12)
    assert chance_of_none(487, 9, 49) == pytest.approx(0.38, abs=0.01)


@given(st.integers(1, 60), st.data())
def test_the_chance_is_the_hypergeometric_one(patients, data):
    holders, drawn = data.draw(st.integers(0, patients)), data.draw(st.integers(0, patients))
    exact = comb(patients - holders, drawn) / comb(patients, drawn)
    assert chance_of_none(patients, holders, drawn) == pytest.approx(exact, abs=1e-12)


def test_views_of_a_breast_at_one_exam(listing_of):
    listing = listing_of(
        "P1 e1 L CC well", "P1 e1 L MLO well",
        "P1 e2 L MLO sick", "P1 e2 L MLO sick", "P1 e2 L CC sick",
        "P2 e1 L MLO well", "P2 e1 L CC well",
        "P3 e1 L - well", "P3 e1 - CC well", "- - L CC well",
    )  # fmt: skip
    counts = count_views(listing, ("well", "sick"))
    assert [(count.views, count.breasts) for count in counts] == [
        ("CC, MLO", {"well": 2, "sick": 0}),
        ("CC, 2×MLO", {"well": 0, "sick": 1}),
    ]
