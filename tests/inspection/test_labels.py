"""Whose labels are, against tables small enough to count."""

import pytest

from birads_zoo.inspection.labels import compare_sides, find_agreement, find_several, wilson

CLASSES = ("well", "sick")


def test_both_sides_are_compared_within_one_exam(listing_of):
    listing = listing_of(
        "P1 e1 L CC sick", "P1 e1 L MLO sick", "P1 e1 R CC sick",  # both
        "P1 e2 L CC sick", "P1 e2 R CC well",  # one, and the other of "well"
        "P2 e1 L CC well", "P2 e1 R CC well",  # both
        "P3 e1 L CC sick",  # no other side
        "P4 e1 L CC sick", "P4 e1 L MLO well", "P4 e1 R CC sick",  # the left says two things: only the right is sick
        "- - L CC sick", "- - R CC sick",  # whose?
    )  # fmt: skip
    well, sick = compare_sides(listing, CLASSES)
    assert (sick.exams, sick.same, sick.rate) == (3, 1, pytest.approx(1 / 3))
    assert (well.exams, well.same, well.rate) == (2, 1, 0.5)
    # Of the eight sides four are sick: independent sides would both be so in 1/4, one at least in 3/4.
    assert sick.by_chance == pytest.approx(1 / 3)
    assert sick.low < sick.rate < sick.high


def test_without_sides_there_is_no_rate(listing_of):
    found = compare_sides(listing_of("P1 e1 - CC sick", "P2 e1 - CC well"), CLASSES)
    assert [(one.exams, one.rate, one.low, one.by_chance) for one in found] == [(0, None, None, None)] * 2


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


def test_wilsons_interval():
    # Newcombe, Stat. Med. 17 (1998) 857, table I: 81/263, 15/148, 0/20 and 1/29.
    for hits, trials, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        assert wilson(hits, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson(20, 20)[1] == pytest.approx(1)
