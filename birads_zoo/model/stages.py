"""Where a backbone ends: after its last stage, or after an earlier one that the recipe names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from birads_zoo.errors import UserError


def cut_after(backbone: nn.Module, last: str, stages: Sequence[str], name: str) -> nn.Module:
    """Return `backbone` without what comes after its part `last`, a dotted name; its parts keep their names.

    Early maps are finer and closer to texture, late ones coarser and closer to ImageNet's classes. Every module on the
    way to `last` must be an `nn.Sequential`, as then alone the order of the parts is the order of computation.

    Raises:
        UserError: when there is no such part, or the order of the parts is not known; `stages` are what is suggested.

    """
    first, _, rest = last.partition(".")
    parts = list(backbone.named_children())
    names = [part for part, _ in parts]
    if not isinstance(backbone, nn.Sequential) or first not in names:
        known = f"; its stages are {', '.join(stages)}" if stages else ""
        raise UserError(f"model.last_stage: {name} cannot end after a part {last!r}{known}")
    kept = parts[: names.index(first) + 1]
    if rest:
        kept[-1] = (first, cut_after(kept[-1][1], rest, stages, name))
    return nn.Sequential(OrderedDict(kept))


def stages_until(stages: Sequence[str], last: str) -> tuple[str, ...]:
    """Return the stages that are left of a backbone that ends after `last`; all where it is no stage."""
    return tuple(stages[: stages.index(last) + 1] if last in stages else stages)
