from itertools import pairwise

import numpy as np
import pytest

from birads_zoo.phantoms.drawing.anatomy import draw_build
from birads_zoo.phantoms.drawing.tissue import Breast, draw_breast


@pytest.fixture(scope="module")
def breasts() -> dict[str, list[Breast]]:
    """Eight breasts in CC of each density, 208×160."""
    drawn = {}
    for density in "ABCD":
        generator = np.random.default_rng(7)
        drawn[density] = [draw_breast(draw_build(generator, density), "CC", 208, 160, generator) for _ in range(8)]
    return drawn


def test_no_ring_is_drawn_along_the_skin(breasts: dict[str, list[Breast]]) -> None:
    """Brightness rises from the skin inwards. A drawn line would be a peak within the first 2 %."""
    for breast in breasts["A"]:
        depth = np.rint(breast.skin_distance).astype(int)
        rim = [breast.brightness[depth == pixels].mean() for pixels in range(1, 12)]
        assert all(later > earlier - 0.01 for earlier, later in pairwise(rim)), np.round(rim, 3)


def test_a_denser_breast_has_more_bright_pixels(breasts: dict[str, list[Breast]]) -> None:
    def bright(breast: Breast) -> float:
        inside = breast.brightness[breast.skin_distance > 0.09 * breast.height]
        return float((inside > np.quantile(inside, 0.02) + 0.10).mean())

    shares = [np.mean([bright(breast) for breast in breasts[density]]) for density in "ABCD"]
    assert shares == sorted(shares)
    assert shares[3] > shares[0] + 0.25


def test_the_muscle_ends_softly() -> None:
    """The muscle's share falls over several pixels across its border, not in one step."""
    for seed in range(5):
        generator = np.random.default_rng(seed)
        breast = draw_breast(draw_build(generator, "B"), "MLO", 416, 320, generator)
        assert breast.blocked.max() > 0.9
        assert np.abs(np.diff(breast.blocked, axis=1)).max() < 0.35


def test_an_implant_is_bright_and_keeps_lesions_out() -> None:
    breast = draw_breast(*_arguments(), implant=True)
    plain = draw_breast(*_arguments())
    hidden = (breast.blocked > 0.95) & (plain.skin_distance > 20)
    assert hidden.mean() > 0.03
    assert breast.brightness[hidden].mean() > plain.brightness[hidden].mean() + 0.2


def _arguments():  # type: ignore[no-untyped-def]
    generator = np.random.default_rng(3)
    return draw_build(generator, "B"), "CC", 208, 160, generator
