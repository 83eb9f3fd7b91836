"""Whether labels are of pictures, breasts or patients, in tables small enough to count and in real ones."""

import tarfile

import pytest

from birads_zoo.data.index.audit import check_rows, drop_unlabelled
from birads_zoo.data.index.classes import closed
from birads_zoo.inspection.granularity import measure_granularity
from birads_zoo.inspection.listing import list_rows
from birads_zoo.interfaces import DatasetContext
from birads_zoo.plugin.host import load_host

CLASSES = ("well", "sick")


def women(count, sick):
    """Return lines of women with two pictures of each breast; `sick(woman, side, view)`."""
    return [
        f"P{woman} e1 {side} {view} {'sick' if sick(woman, side, view) else 'well'}"
        for woman in range(count)
        for side in "LR"
        for view in ("CC", "MLO")
    ]


def test_breasts_and_exams_are_compared_within_one_exam(listing_of):
    listing = listing_of(
        "P1 e1 L CC sick", "P1 e1 L MLO sick", "P1 e1 R CC sick",  # both
        "P1 e2 L CC sick", "P1 e2 R CC well",  # one of each class
        "P2 e1 L CC well", "P2 e1 R CC well",  # both
        "P3 e1 L CC sick",  # no other side
        "P4 e1 L CC sick", "P4 e1 L MLO well", "P4 e1 R CC sick",  # the left one has two labels
        "- - L CC sick", "- - R CC sick",  # unknown patients
        "P5 e1 - CC sick", "P5 e1 - MLO well",  # unknown breasts
    )  # fmt: skip
    granularity = measure_granularity(listing, CLASSES, "image")
    assert (granularity.breasts.groups, granularity.breasts.alike) == (2, 1)
    assert (granularity.exams.groups, granularity.exams.alike) == (4, 2)
    well, sick = granularity.exams.classes
    assert (sick.groups, sick.same, sick.rate) == (3, 1, pytest.approx(1 / 3))
    assert (well.groups, well.same, well.rate) == (3, 1, pytest.approx(1 / 3))
    assert sick.low < sick.rate < sick.high


def test_chance_is_that_of_shuffled_labels(listing_of):
    listing = listing_of("P1 e L CC sick", "P1 e L MLO sick", "P2 e L CC well", "P2 e L MLO well")
    breasts = measure_granularity(listing, CLASSES, "image").breasts
    # Of the six ways to distribute two of each to two breasts, two leave both breasts with one label.
    assert (breasts.alike, breasts.by_chance) == (2, pytest.approx(2 / 3))
    # On average 1/3 breast is all sick, and 5/3 have a sick picture.
    assert breasts.others.by_chance == pytest.approx(1 / 5)


def test_a_breast_of_three_pictures_agrees_by_chance_less_often(listing_of):
    lines = [f"P{woman} e L V{view} {'sick' if woman < 2 else 'well'}" for woman in range(4) for view in range(3)]
    breasts = measure_granularity(listing_of(*lines), CLASSES, "image").breasts
    # Three of twelve, six of them sick: C(6, 3) / C(12, 3) for each label and breast.
    assert (breasts.alike, breasts.by_chance) == (4, pytest.approx(4 * 2 * 20 / 220))


@pytest.mark.parametrize(
    ("sick", "possible"),
    [
        (lambda woman, side, view: woman < 40, ("patient",)),
        (lambda woman, side, view: woman < 40 and side == "L", ("breast",)),
        (lambda woman, side, view: woman < 40 and (side, view) == ("L", "CC"), ("image",)),
        # Two of forty: these may be mistakes, or pictures that were labelled individually.
        (lambda woman, side, view: woman < 40 and side == "L" and (woman > 1 or view == "CC"), ("image", "breast")),
        # Three are too few to know.
        (lambda woman, side, view: woman < 3 and side == "L", ("image", "breast")),
        (lambda woman, side, view: False, ("image", "breast", "patient")),
    ],
)
def test_the_possible_levels_are_those_that_are_not_ruled_out(listing_of, sick, possible):
    granularity = measure_granularity(listing_of(*women(100, sick)), CLASSES, "image")
    assert granularity.possible == possible


def test_agreement_among_the_many_healthy_shows_nothing(listing_of):
    """With 2 % abnormal, each in one picture of its breast, 96 % of the breasts agree, as expected by chance."""
    listing = listing_of(*women(500, lambda woman, side, view: woman < 40 and (side, view) == ("L", "CC")))
    breasts = measure_granularity(listing, CLASSES, "breast").breasts
    assert breasts.alike / breasts.groups == 0.96
    assert breasts.by_chance / breasts.groups == pytest.approx(0.96, abs=0.002)
    assert (breasts.others.groups, breasts.others.same) == (40, 0)


def test_one_class_of_a_breast_is_enough_to_rule_the_patient_out(listing_of):
    """As in KAUMDS: most exams agree, but those with a rare class do not."""
    lines = women(300, lambda woman, side, view: woman < 100)
    lines += [line.replace("P", "Q").replace("sick", "worst") for line in women(9, lambda woman, side, _: side == "L")]
    granularity = measure_granularity(listing_of(*lines), (*CLASSES, "worst"), "image")
    assert granularity.exams.others.rate == pytest.approx(100 / 109)
    assert granularity.possible == ("breast",)


def test_unknown_patients_and_sides_leave_all_levels_possible(listing_of):
    granularity = measure_granularity(listing_of("P1 e1 - CC sick", "P2 e1 - CC well"), CLASSES, "image")
    assert (granularity.breasts.groups, granularity.exams.groups) == (0, 0)
    assert [(entry.groups, entry.rate, entry.low, entry.by_chance) for entry in granularity.exams.classes] == [
        (0, None, None, None)
    ] * 2
    assert granularity.possible == ("image", "breast", "patient")


@pytest.fixture
def measured(real_data):
    """Measure a real data set's labels: `measured("kaumds", folder, "birads")`."""

    def measure(name, root, target_name):
        spec = load_host().dataset(name)
        index = check_rows(spec.load(DatasetContext(root=real_data / root, options=spec.options())))
        target = closed(next(target for target in spec.targets if target.name == target_name), index)
        listing = list_rows(drop_unlabelled(index, target, ()), target, ())
        return measure_granularity(listing, tuple(target.classes), target.level)

    return measure


def test_kaumds_categories_are_of_breasts(measured):
    """The figures in docs/architecture.md."""
    granularity = measured("kaumds", "kaumds-sample", "birads")
    assert (granularity.declared, granularity.possible) == ("image", ("breast",))
    assert (granularity.breasts.alike, granularity.breasts.groups, granularity.exams.groups) == (2680, 2680, 1283)
    counts = {entry.name[-1]: (entry.same, entry.groups) for entry in granularity.exams.classes}
    assert counts == {"1": (421, 444), "2": (757, 758), "3": (69, 70), "4": (11, 25), "5": (2, 9)}


def test_cbis_ddsm_categories_are_of_pictures(measured):
    granularity = measured("cbis-ddsm", "cbis-ddsm-csv", "birads")
    assert granularity.possible == ("image",)
    assert (granularity.breasts.alike, granularity.breasts.groups) == (1165, 1211)


def test_ddsm_marks_are_of_one_breast_and_cases_of_patients(measured, real_data, tmp_path):
    with tarfile.open(real_data / "ddsm-299.tar") as archive:
        archive.extract("ddsm-299/labels.csv", tmp_path, filter="data")
    marked = measured("ddsm", tmp_path / "ddsm-299", "marked")
    assert marked.possible == ("image", "breast"), "36 breasts have a marked picture and an unmarked one"
    assert (marked.breasts.alike, marked.breasts.groups) == (1121, 1157)
    assert (marked.exams.alike, marked.exams.groups) == (38, 579)
    case = measured("ddsm", tmp_path / "ddsm-299", "case")
    assert (case.declared, case.possible) == ("patient", ("patient",))


@pytest.mark.slow
def test_mini_mias_has_one_picture_of_each_breast(measured, unpack_mini_mias, tmp_path):
    root = unpack_mini_mias(tmp_path, films=1)
    finding, tissue = (measured("mini-mias", root, name) for name in ("finding", "tissue"))
    assert finding.possible == ("image", "breast")
    assert (finding.breasts.groups, finding.exams.groups, finding.exams.alike) == (0, 161, 54)
    assert tissue.possible == ("patient",)
