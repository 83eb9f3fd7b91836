"""States the licences of a model's parts, and finds those that restrict how it may be passed on or served."""

from __future__ import annotations

import re
from collections.abc import Sequence

from birads_zoo.plugin.host import Host
from birads_zoo.recipe import Recipe
from birads_zoo.recipes.registry import Registry

_TRAINED_FROM = ": trained from "
_RESTRICTING = re.compile(
    r"non-?commercial|\bnc\b|\bnd\b|research[- ](use|only|purposes)|for research|use agreement|licen[cs]e agreement"
    r"|no redistribution|not (be )?(redistribut|distribut|shar)",
    re.IGNORECASE,
)
_POSSIBLE = re.compile(r"[^;]*\bmay bind\b[^;]*")  # terms of a training set that nobody has tested in court


def licences_of(recipe: Recipe, host: Host, registry: Registry) -> tuple[str, ...]:
    """Return a line on the licence of each part of the model that a run of `recipe` trains."""
    licences = ["birads-zoo: MIT"]
    spec = host.backbone(recipe.model.backbone)
    if recipe.model.weights:
        licences.append(
            f"{spec.name}{_TRAINED_FROM}weights in a file of the user's; the terms of their publisher still apply"
        )
    elif recipe.model.pretrained and spec.weights:
        stated = registry.licences.get(spec.name, spec.licence or spec.weights)
        licences.append(f"{spec.name}{_TRAINED_FROM}{stated}")
    data = host.dataset(recipe.dataset.name).licence
    terms = f"its terms ({data})" if data else "its publisher's terms"
    licences.append(f"data set {recipe.dataset.name}: {terms} may also apply to a model trained on it")
    return tuple(licences)


def restrictions(licences: Sequence[str]) -> list[str]:
    """Return the lines of `licences_of` on weights whose licence restricts how they are used, shared or served."""
    return [
        licence for licence in licences if _TRAINED_FROM in licence and _RESTRICTING.search(_POSSIBLE.sub("", licence))
    ]


def warning(licences: Sequence[str], action: str) -> str:
    """Return a warning for a model that is passed on or served; "" if no licence of weights restricts that."""
    restricting = restrictions(licences)
    if not restricting:
        return ""
    return (
        f"the licence of the weights restricts what you may do: {'; '.join(restricting)}. Read it before you {action}"
    )
