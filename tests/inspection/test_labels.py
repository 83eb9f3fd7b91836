"""Whose labels are, against tables small enough to count."""

import pytest

from birads_zoo.inspection.labels import find_agreement, find_several

CLASSES = ("well", "sick")


def test_patients_with_several_classes_by_where_they_meet(listing_of):
    listing = listing_of(
        "P1 e1 L CC sick", "P1 e1 L MLO well",  # in one breast
        "P2 e1 L CC sick", "P2 e1 R CC well",  # between breasts
        "P3 e1 L CC sick", "P3 e2 L CC well",  # between exams
        "P4 e1 L CC sick", "P5 e1 L CC well", "- - L CC well",
    )  # fmt: skip
    found = find_several(listing, CLASSES)
    assert (found.known, found.patients) == (5, 3)
    assert (found.within_breast, found.between_breasts, found.between_exams) == (1, 1, 1)
    assert found.together == ((1, 3), (3, 1)), "one has each class alone, three have both"


def test_agreement_counts_pairs(listing_of):
    listing = listing_of(
        "P1 e1 L CC sick", "P1 e1 R CC sick", "P1 e2 L CC well", "P2 e1 L CC sick", "- - L CC sick"
    )  # fmt: skip
    found = find_agreement(listing)
    assert found.same_patient == pytest.approx(1 / 3)  # of P1's three pairs one agrees
    assert found.different_patients == pytest.approx(2 / 3)  # P2's row against P1's three


def test_agreement_needs_pairs(listing_of):
    found = find_agreement(listing_of("P1 e1 L CC sick"))
    assert (found.same_patient, found.different_patients) == (None, None)
