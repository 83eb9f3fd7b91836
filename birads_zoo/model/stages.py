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
    cut = _cut(backbone, last.split("."))
    if cut is None:
        known = f"; its stages are {', '.join(stages)}" if stages else ""
        raise UserError(f"model.last_stage: {name} cannot end after a part {last!r}{known}")
    return cut


def _cut(module: nn.Module, path: Sequence[str]) -> nn.Module | None:
    names = [name for name, _ in module.named_children()]
    if not isinstance(module, nn.Sequential) or path[0] not in names:
        return None
    kept = OrderedDict(list(module.named_children())[: names.index(path[0]) + 1])
    if len(path) > 1:
        inner = _cut(kept[path[0]], path[1:])
        if inner is None:
            return None
        kept[path[0]] = inner
    return nn.Sequential(kept)


def stages_until(stages: Sequence[str], last: str) -> tuple[str, ...]:
    """Return the stages that are left of a backbone that ends after `last`; all where it is no stage."""
    return tuple(stages[: stages.index(last) + 1] if last in stages else stages)
