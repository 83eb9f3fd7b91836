"""Sizes of pictures: what a network takes, and what to do with a picture that it does not take as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch.nn.functional as F
from torch import Tensor

from birads_zoo import UserError

Size = tuple[int, int]

_MOST = 2.0  # times the picture's own area: above it most of what is computed would be padding


def fitting_size(
    name: str, asked: Size, own: Size, places: Sequence[int], takes: Callable[[Size], bool], *, any_side: bool
) -> Size:
    """Return the smallest size, not below `asked`, that the network called `name` takes.

    Tried are its sides rounded up to multiples of what divides pictures in such networks, and squares of such sides, up
    to twice the area asked for.

    Args:
        name: of the network, for the error.
        asked: height and width of the pictures.
        own: the size for which the network was made.
        places: how many pixels a place is high and wide after each of its stages, rising.
        takes: tells of a size whether the network takes it.
        any_side: whether the size asked for is tried as it is; else a side is a multiple of the first of `places`.

    Raises:
        UserError: when it takes none of them; named are sizes that it takes.

    """
    for size in _candidates(asked, own, [*([1] if any_side else []), *places, *(places[-1] * n for n in (2, 4, 8))]):
        if takes(size):
            return size
    known = " or ".join(f"{height}x{width}" for height, width in _others(asked, own, places[-1], takes))
    raise UserError(
        f"{name} takes no pictures of {asked[0]}x{asked[1]}, even if padded; it takes {known}: set image.height and "
        "image.width (--image-size HxW)"
    )


def _candidates(asked: Size, own: Size, steps: Sequence[int]) -> list[Size]:
    multiples = [*((step, step) for step in steps), own]
    rounded = {(_up(asked[0], tall), _up(asked[1], wide)) for tall, wide in multiples}
    squares = {(max(size), max(size)) for size in rounded}
    small_enough = (size for size in rounded | squares if _area(size) <= _MOST * _area(asked))
    return sorted(small_enough, key=lambda size: (_area(size), size))


def _others(asked: Size, own: Size, place: int, takes: Callable[[Size], bool]) -> Iterator[Size]:
    """Yield the network's own size, and the first enlargement of `asked` that it takes, if it takes one."""
    yield own
    for times in (2, 3, 4):
        size = (_up(times * asked[0], place), _up(times * asked[1], place))
        if size != own and takes(size):
            yield size
            return


def _up(side: int, step: int) -> int:
    return -(-side // step) * step


def _area(size: Size) -> int:
    return size[0] * size[1]


def continued(images: Tensor, margin: Size) -> Tensor:
    """Return images with `margin` more pixels at the bottom and at the right: the outermost ones, over again.

    There no breast lies, or it goes on, and an edge of another grey would be something to see.
    """
    return F.pad(images, (0, margin[1], 0, margin[0]), mode="replicate") if any(margin) else images


def within(maps: Tensor, pictures: Tensor, margin: Size) -> Tensor:
    """Return the places of N×D×h×w maps, made of `pictures` with that `margin`, that see a pixel of the pictures."""
    height, width = (
        -(-maps.shape[axis] * pictures.shape[axis] // (pictures.shape[axis] + margin[axis])) for axis in (-2, -1)
    )
    return maps[..., :height, :width] if any(margin) else maps
