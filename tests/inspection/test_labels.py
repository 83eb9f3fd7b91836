"""Patients with several classes and the agreement of labels, in tables that are counted by hand."""

import pytest

from birads_zoo.inspection.labels import count_mixed_patients, find_agreement

CLASSES = ("well", "sick")


def test_patients_with_several_classes_by_where_they_differ(listing_of):
    listing = listing_of(
        "P1 e1 L CC sick", "P1 e1 L MLO well",  # in one breast
        "P2 e1 L CC sick", "P2 e1 R CC well",  # between breasts
        "P3 e1 L CC sick", "P3 e2 L CC well",  # between exams
        "P4 e1 L CC sick", "P5 e1 L CC well", "- - L CC well",
    )  # fmt: skip
    mixed = count_mixed_patients(listing, CLASSES)
    assert (mixed.known, mixed.patients) == (5, 3)
    assert (mixed.within_breast, mixed.between_breasts, mixed.between_exams) == (1, 1, 1)
    assert mixed.together == ((1, 3), (3, 1)), "one patient has only well, one only sick, three both"


def test_agreement_counts_pairs(listing_of):
    listing = listing_of(
        "P1 e1 L CC sick", "P1 e1 R CC sick", "P1 e2 L CC well", "P2 e1 L CC sick", "- - L CC sick"
    )  # fmt: skip
    agreement = find_agreement(listing)
    assert agreement.same_patient == pytest.approx(1 / 3)  # of P1's three pairs one agrees
    assert agreement.different_patients == pytest.approx(2 / 3)  # P2's row against P1's three


def test_agreement_needs_pairs(listing_of):
    agreement = find_agreement(listing_of("P1 e1 L CC sick"))
    assert (agreement.same_patient, agreement.different_patients) == (None, None)
