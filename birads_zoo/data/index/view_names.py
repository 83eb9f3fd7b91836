"""What the pictures of a sample are called, and what a sample is of. Light: no heavy library is loaded for it."""

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
"""By `dataset.views` and level: what a sample's pictures are called, in their order."""

UNITS = {"image": "images", "breast": "breasts", "patient": "exams"}
"""What gets a prediction each, by the level of its label."""

WHOLE = {"image": "single", "breast": "breast", "patient": "exam"}
"""The views that show all of what a label is of, and no more, by its level."""


def view_names(views: str, level: str) -> tuple[str, ...]:
    """Return what the V pictures of a sample are called, in their order.

    Raises:
        UserError: for labels of a level (see `interfaces.Target`) that samples of these `views` cannot have.

    """
    if (views, level) not in _NAMES:
        one = {"breast": "breast", "patient": "exam"}[level]
        raise UserError(
            f"labels of the {level} (dataset.level) mean one prediction for each {one}, from all of its pictures, and "
            f"dataset.views = {views!r} makes other samples: set dataset.level to 'image', or dataset.views to "
            f"{WHOLE[level]!r}"
        )
    return _NAMES[views, level]


def count_views(views: str) -> int:
    """Return V, how many pictures a sample of these `views` has."""
    return len(_NAMES[views, "image"])
