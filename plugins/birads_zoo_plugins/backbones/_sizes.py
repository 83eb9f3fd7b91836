"""Sizes of pictures that a network accepts, and padding for pictures of other sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch.nn.functional as F
from torch import Tensor

from birads_zoo import UserError

Size = tuple[int, int]

_MOST = 2.0  # times the picture's area: above it, most of the computation would be padding


def fitting_size(
    name: str, size: Size, usual: Size, places: Sequence[int], takes: Callable[[Size], bool], *, any_side: bool
) -> Size:
    """Return the smallest size, not below `size`, that the network called `name` accepts.

    The candidates are the sides rounded up to multiples of the usual strides of such networks, and squares with these
    sides, up to twice the area of `size`.

    Args:
        name: of the network, for the error.
        size: height and width of the pictures.
        usual: the size for which the network was made.
        places: side of a place in pixels after each of its stages, ascending.
        takes: returns whether the network accepts a size.
        any_side: whether `size` itself is tried; otherwise sides are multiples of the first of `places`.

    Raises:
        UserError: when it accepts none of them; the message names sizes that it accepts.

    """
    steps = [*([1] if any_side else []), *places, *(places[-1] * n for n in (2, 4, 8))]
    for candidate in _candidates(size, usual, steps):
        if takes(candidate):
            return candidate
    known = " or ".join(f"{height}x{width}" for height, width in _alternatives(size, usual, places[-1], takes))
    raise UserError(
        f"{name} takes no pictures of {size[0]}x{size[1]}, even if padded; it takes {known}: set image.height and "
        "image.width (--image-size HxW)"
    )


def _candidates(size: Size, usual: Size, steps: Sequence[int]) -> list[Size]:
    multiples = [*((step, step) for step in steps), usual]
    rounded = {(_up(size[0], tall), _up(size[1], wide)) for tall, wide in multiples}
    squares = {(max(sides), max(sides)) for sides in rounded}
    small_enough = (sides for sides in rounded | squares if _area(sides) <= _MOST * _area(size))
    return sorted(small_enough, key=lambda sides: (_area(sides), sides))


def _alternatives(size: Size, usual: Size, place: int, takes: Callable[[Size], bool]) -> Iterator[Size]:
    """Yield the network's usual size, and the first enlargement of `size` that it accepts, if there is one."""
    yield usual
    for times in (2, 3, 4):
        larger = (_up(times * size[0], place), _up(times * size[1], place))
        if larger != usual and takes(larger):
            yield larger
            return


def _up(side: int, step: int) -> int:
    return -(-side // step) * step


def _area(size: Size) -> int:
    return size[0] * size[1]


def continued(images: Tensor, margin: Size) -> Tensor:
    """Return images with `margin` more pixels at the bottom and at the right, which repeat the outermost pixels.

    At these edges is background, or the breast continues. Padding with another grey would add an edge.
    """
    return F.pad(images, (0, margin[1], 0, margin[0]), mode="replicate") if any(margin) else images


def within(maps: Tensor, pictures: Tensor, margin: Size) -> Tensor:
    """Return the places of N×D×h×w maps that cover pixels of `pictures`, without places that only cover the margin."""
    height, width = (
        -(-maps.shape[axis] * pictures.shape[axis] // (pictures.shape[axis] + margin[axis])) for axis in (-2, -1)
    )
    return maps[..., :height, :width] if any(margin) else maps
