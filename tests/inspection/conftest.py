"""Fixtures for the tests of inspections."""

import pandas as pd
import pytest

from birads_zoo.inspection.listing import LISTING


@pytest.fixture
def listing_of():
    """Make a listing: `listing_of("P1 e1 L CC well", …)`; "-" is unknown, and a sixth word means no picture."""

    def make(*lines):
        rows = []
        for number, line in enumerate(lines, start=2):
            patient, exam, side, view, label, *absent = ("" if word == "-" else word for word in line.split())
            visit = f"{patient}\n{exam}" if patient else ""
            rows.append((number, f"{number}.png", patient, visit, side, view, label, not absent))
        return pd.DataFrame(rows, columns=list(LISTING))

    return make
