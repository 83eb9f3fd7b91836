import datetime
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from birads_zoo_plugins.datasets._reading import values

ANYTHING = st.none() | st.text() | st.integers() | st.floats() | st.datetimes()


@given(
    st.integers(0, 6), st.sampled_from(["BIRAD {}", "BI-RADS {}", "birads{}", " {} ", "BI-RADS: {}a", "{}C", "{}.0"])
)
def test_spellings_of_an_assessment(category, spelling):
    assert values.assessment(spelling.format(category)) == str(category)
    assert values.assessment(float(category)) == str(category)


@given(ANYTHING)
def test_a_value_is_canonical_or_empty(cell):
    assert values.assessment(cell) in {"", *"0123456"}
    letter, cleaned = values.density(cell)
    assert letter in {"", *"ABCD"}
    assert letter or not cleaned
    assert values.laterality(cell) in {"", "L", "R"}
    assert math.isnan(values.age(cell)) or 0 <= values.age(cell) <= 120


@pytest.mark.parametrize("cell", ["BIRAD 7", "12", "BIRAD", "4 or 5", "-1", "0.5", None, math.nan, "unknown"])
def test_no_assessment(cell):
    assert values.assessment(cell) == ""


@given(st.sampled_from(sorted(values.CLEAN_DENSITIES)), st.data())
def test_spaces_and_missing_signs_do_not_change_a_density(clean, data):
    letter = values.CLEAN_DENSITIES[clean]
    assert values.density(clean) == (letter, False)
    dirty = "".join(sign for sign in clean if sign != "%" or data.draw(st.booleans()))
    spaced = "".join(sign + " " * data.draw(st.integers(0, 2)) for sign in dirty)
    assert values.density(spaced)[0] == letter


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("26%-505", ("B", True)),
        ("51-75%", ("C", True)),
        ("0%-50%", ("", False)),
        ("26%-75%", ("", False)),
        (3, ("C", False)),
        ("b", ("B", False)),
        (None, ("", False)),
    ],
)
def test_densities(cell, expected):
    assert values.density(cell) == expected


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (datetime.datetime(2019, 4, 25), "2019-04-25"),
        (datetime.date(2019, 4, 25), "2019-04-25"),
        ("20190425", "2019-04-25"),
        ("2019-04-25T10:00:00", "2019-04-25"),
        ("2019-04", "2019-04"),
        (2019, "2019"),
        ("3/4/2019", "2019"),
        ("25042019x", ""),
        (None, ""),
    ],
)
def test_dates_keep_only_what_is_certain(cell, expected):
    assert values.date(cell) == expected


def test_ages_and_paths():
    assert [values.age(cell) for cell in (51, "51", "051Y", 51.5)] == [51, 51, 51, 51.5]
    assert math.isnan(values.age("251"))
    assert math.isnan(values.age("old"))
    assert values.path(".\\a  b\\c.jpg\n") == "a  b/c.jpg"
    assert values.path(1001.0) == "1001"
    assert values.age("61,5") == 61.5


@pytest.mark.parametrize(
    ("cell", "category", "part"),
    [
        ("BI-RADS® 4", "4", ""),
        ("BI‑RADS 4", "4", ""),  # a non-breaking hyphen
        ("BI–RADS\u00a03", "3", ""),
        ("Category 2", "2", ""),
        ("ACR BI-RADS 5", "5", ""),
        ("4 (suspicious)", "4", ""),
        ("0: incomplete", "0", ""),
        ("BI-RADS Category 4b", "4", "4B"),
        ("IVa", "4", "4A"),
        ("III", "3", ""),
        ("Ⅳ", "4", ""),
        ("3,0", "3", ""),
        ("5a", "5", ""),
        ("4-5", "", ""),
        ("IV-V", "", ""),
        ("4 – 5", "", ""),
        ("VII", "", ""),
        ("C", "", ""),
        ("2 - benign, left", "2", ""),
        ("4 (suspicion of a mass)", "4", ""),
        ("BI-RADS II - right, IV - left", "", ""),
        ("II (right; left IVa)", "", ""),
        ("1 - neg; otherwise II", "", ""),
        ("3, left V", "", ""),
        ("2 - right, 4 - left", "", ""),
        ("4A: right; B: left", "", ""),
        ("4B: right; A: left", "", ""),
    ],
)
def test_assessments_as_people_write_them(cell, category, part):
    assert (values.assessment(cell), values.subcategory(cell)) == (category, part)


@pytest.mark.parametrize(
    ("cell", "letter"),
    [
        ("DENSITY C", "C"),
        ("ACR B", "B"),
        ("ACR\u00a0d", "D"),
        ("ACR III", "C"),
        ("Breast composition: a", "A"),
        ("C (heterogeneously dense)", "C"),
        ("extremely dense", "D"),
        ("2,0", "B"),
        ("26%–50%", "B"),
        ("A-B", ""),
        ("II-III", ""),
        ("15", ""),
        ("D - extremely dense", "D"),
        ("B - right, C - left", ""),
        ("B (right; C left)", ""),
        ("Class A, left; C right", ""),
        ("III, right; left IV", ""),
        ("II - right, 3 - left", ""),
    ],
)
def test_densities_as_people_write_them(cell, letter):
    assert values.density(cell) == (letter, False)
