"""Names the pictures of a sample, and the units that samples show. Imports no heavy library."""

from __future__ import annotations

from birads_zoo.errors import UserError

_NAMES = {
    ("single", "image"): ("own",),
    ("breast", "image"): ("own", "other_view"),
    ("bilateral", "image"): ("own", "other_breast"),
    ("exam", "image"): ("own", "other_view", "other_breast", "other_breast_other_view"),
    ("breast", "breast"): ("CC", "MLO"),
    ("exam", "patient"): ("L_CC", "L_MLO", "R_CC", "R_MLO"),
}
"""The names of a sample's pictures, in their order, by `dataset.views` and level."""

UNITS = {"image": "images", "breast": "breasts", "patient": "exams"}
"""The units that get one prediction each, by the level of the label."""

WHOLE = {"image": "single", "breast": "breast", "patient": "exam"}
"""The `dataset.views` that show exactly the unit of a label, by its level."""


def view_names(views: str, level: str) -> tuple[str, ...]:
    """Return the names of a sample's V pictures, in their order.

    Raises:
        UserError: if samples of these `views` cannot have labels of this level (see `interfaces.Target`).

    """
    if (views, level) not in _NAMES:
        unit = {"breast": "breast", "patient": "exam"}[level]
        raise UserError(
            f"labels of the {level} (dataset.level) mean one prediction for each {unit}, from all of its pictures, and "
            f"dataset.views = {views!r} makes other samples: set dataset.level to 'image', or dataset.views to "
            f"{WHOLE[level]!r}"
        )
    return _NAMES[views, level]


def count_views(views: str) -> int:
    """Return V, the number of pictures in a sample of these `views`."""
    return len(_NAMES[views, "image"])
