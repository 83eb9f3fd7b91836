from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo.phantoms.cohort import CATEGORIES, draw_cohort, exposures
from birads_zoo.phantoms.options import PhantomOptions


@pytest.mark.parametrize("patients", [24, 60, 150])
def test_balanced_means_as_many_pictures_of_each_category(patients: int) -> None:
    counts = draw_cohort(PhantomOptions(patients=patients)).counts()
    assert sum(counts.values()) == 4 * patients
    assert max(counts.values()) - min(counts.values()) <= max(4, 0.1 * patients)  # 4: one patient


def test_real_means_patients_per_category_as_in_kaumds() -> None:
    cohort = draw_cohort(PhantomOptions(patients=514, balance="real"))
    worst = [max(woman.categories) for woman in cohort.pictured]
    assert {category: worst.count(category) for category in CATEGORIES} == pytest.approx(
        {"1": 407, "3": 73, "4": 25, "5": 9}, abs=3
    )


@given(patients=st.integers(4, 80), seed=st.integers(0, 2**40), real=st.booleans())
def test_every_cohort_is_sound(patients: int, seed: int, real: bool) -> None:
    options = PhantomOptions(patients=patients, seed=seed, balance="real" if real else "balanced", damaged=4)
    cohort = draw_cohort(options)
    women = [*cohort.pictured, *cohort.unpictured]
    assert len(cohort.pictured) == patients
    assert len({woman.patient_id for woman in women}) == len(women)
    assert all(len(woman.patient_id) in (8, 9) for woman in women)  # BC and 6 or 7 digits
    assert all(count > 0 for count in cohort.counts().values())
    assert all(len(set(woman.categories) - {"1"}) <= 1 for woman in cohort.pictured)
    assert {woman.categories for woman in cohort.unpictured} == {("2", "2")}
    paths = {woman.image_path(view, side) for woman in cohort.pictured for side, view in exposures()}
    assert len(paths) == 4 * patients
    assert len(cohort.damage) == 4
    assert set(cohort.damage) <= paths


def test_damage_stays_within_the_commonest_category_and_spreads_over_women() -> None:
    cohort = draw_cohort(PhantomOptions(patients=40, balance="real", damaged=10))
    assert all(path.startswith("mammograms/BIRAD 1/") for path in cohort.damage)
    assert len({path.split("_")[1] for path in cohort.damage}) == 10


def test_the_seed_rules_who_is_who_but_not_how_many() -> None:
    options = PhantomOptions(patients=20)
    first, again, other = (draw_cohort(replace(options, seed=seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert first.counts() == other.counts()
