"""Lists a backbone's stages, and cuts it after an earlier stage that the recipe names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from torch import nn

from birads_zoo.errors import UserError


def cut_after(backbone: nn.Module, last: str, stages: Sequence[str], name: str) -> nn.Module:
    """Return `backbone` without the parts after `last`, a dotted name; its parts keep their names.

    Early maps are finer and closer to texture, late ones coarser and closer to ImageNet's classes. Every module on the
    path to `last` must be an `nn.Sequential` that only chains its parts, because only then their order is the order of
    computation. Any other backbone can have a method `end_after(stage)`, which changes the backbone in place to leave
    out what comes later, and raises `ValueError` if it cannot end there.

    Raises:
        UserError: if there is no such part, or the order of the parts is unknown; the message suggests `stages`.

    """
    cut = _end_after(backbone, last) if isinstance(backbone, EndsItself) else _cut(backbone, last.split("."))
    if cut is None:
        modules = dict(backbone.named_modules())
        known = ", ".join(stage for stage in stages if stage in modules)
        suggested = f"; its stages are {known}" if known else ""
        raise UserError(f"model.last_stage: {name} cannot end after a part {last!r}{suggested}")
    return cut


@runtime_checkable
class EndsItself(Protocol):
    """A backbone that is not a plain chain, but can end early."""

    def end_after(self, stage: str) -> None:
        """Leave out what comes after `stage`; raise `ValueError` if no feature map would be left."""


@runtime_checkable
class NamesItsStages(Protocol):
    """A backbone whose spec cannot know its stages."""

    def stage_names(self) -> Sequence[str]:
        """Return its stages from input to output, as in `BackboneSpec.stages`."""


def stages_of(backbone: nn.Module, named: Sequence[str]) -> tuple[str, ...]:
    """Return the stages of `backbone`: those that its spec `named`, or if it names none, its `stage_names`."""
    return tuple(named or (backbone.stage_names() if isinstance(backbone, NamesItsStages) else ()))


def _end_after(backbone: nn.Module, last: str) -> nn.Module | None:
    assert isinstance(backbone, EndsItself)
    try:
        backbone.end_after(last)
    except ValueError:
        return None
    return backbone


def _cut(module: nn.Module, path: Sequence[str]) -> nn.Module | None:
    names = [name for name, _ in module.named_children()]
    if not isinstance(module, nn.Sequential) or type(module).forward is not nn.Sequential.forward:
        return None
    if path[0] not in names:
        return None
    kept = OrderedDict(list(module.named_children())[: names.index(path[0]) + 1])
    if len(path) > 1:
        inner = _cut(kept[path[0]], path[1:])
        if inner is None:
            return None
        kept[path[0]] = inner
    return nn.Sequential(kept)


def stages_until(stages: Sequence[str], last: str) -> tuple[str, ...]:
    """Return the stages of a backbone that ends after `last`; all of them if `last` is not a stage."""
    return tuple(stages[: stages.index(last) + 1] if last in stages else stages)
