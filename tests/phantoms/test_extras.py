import numpy as np
import pytest

from birads_zoo.phantoms.drawing.film import Picture
from birads_zoo.phantoms.files.extras import Extras, draw_extras, with_extras

NONE = {"marker": False, "tape": False, "ball": False, "implant": False}


@pytest.fixture
def picture() -> Picture:
    """A breast of even grey on the left third of the film."""
    grey = np.zeros((128, 96), np.float32)
    grey[:, :32] = 0.4
    return Picture(grey=grey, mask=None)


def test_most_women_have_no_extras_and_some_have_each() -> None:
    drawn = [draw_extras(np.random.default_rng(seed)) for seed in range(2000)]
    for name in NONE:
        assert 0 < np.mean([getattr(extras, name) for extras in drawn]) < 0.15, name


@pytest.mark.parametrize("name", ["marker", "tape"])
@pytest.mark.parametrize("side", ["L", "R"])
def test_letters_and_tape_are_on_the_far_side_of_the_film(picture: Picture, name: str, side: str) -> None:
    if side == "R":
        picture = Picture(grey=picture.grey[:, ::-1], mask=None)
    done = with_extras(picture, Extras(**NONE | {name: True}), side, "MLO", np.random.default_rng(1))  # type: ignore[arg-type]
    changed = np.argwhere(done.grey > picture.grey)
    assert len(changed) > 10
    assert done.grey.max() > 0.45
    columns = changed[:, 1] if side == "L" else 95 - changed[:, 1]
    assert columns.min() > 40, "it lies on the breast"


def test_the_ball_is_small_bright_and_on_the_breast(picture: Picture) -> None:
    done = with_extras(picture, Extras(**NONE | {"ball": True}), "L", "CC", np.random.default_rng(1))
    changed = np.argwhere(done.grey > picture.grey + 0.05)
    assert 1 <= len(changed) <= 12
    assert done.grey.max() > 0.9
    assert changed[:, 1].min() < 33


def test_without_extras_the_picture_is_unchanged(picture: Picture) -> None:
    assert with_extras(picture, Extras(**NONE), "L", "CC", np.random.default_rng(1)) is picture
