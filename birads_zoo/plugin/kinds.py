"""The seven kinds of parts that a plugin can register, and the checks of their specs' fields."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from birads_zoo.errors import unknown_name
from birads_zoo.interfaces import (
    PROJECT,
    AblationSpec,
    AugmentationSpec,
    BackboneFamily,
    BackboneSpec,
    DatasetSpec,
    ExplainerSpec,
    LossSpec,
    Spec,
    Target,
    TrackerSpec,
)
from birads_zoo.plugin.options import fault_of_options

_NAME = re.compile(r"\w[\w.:@-]*")  # it becomes part of a folder's name, where "+" joins names
_PREFIX = re.compile(r"\w[\w.-]*")  # of a family; its members are prefix/name
_FLAG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class PluginKind:
    """One kind: its singular and plural in code, its word in sentences, its spec, and the spec's callables.

    `family` is what a hook of this kind can return besides specs.
    """

    name: str
    plural: str
    word: str
    spec: type[Spec]
    callables: tuple[str, ...]
    family: type[BackboneFamily] | None = None

    @property
    def hook(self) -> str:
        """The hook that returns specs of this kind."""
        return f"{PROJECT}_{self.plural}"


KINDS = (
    PluginKind("dataset", "datasets", "data set", DatasetSpec, ("load",)),
    PluginKind("augmentation", "augmentations", "augmentation", AugmentationSpec, ("build",)),
    PluginKind("loss", "losses", "loss", LossSpec, ("build", "outputs")),
    PluginKind("backbone", "backbones", "backbone", BackboneSpec, ("build",), BackboneFamily),
    PluginKind("explainer", "explainers", "explainer", ExplainerSpec, ("build",)),
    PluginKind("tracker", "trackers", "tracker", TrackerSpec, ("build",)),
    PluginKind("ablation", "ablations", "ablation", AblationSpec, ("recipe", "model")),
)


def kind_of(name: str) -> PluginKind:
    """Return the kind called `name` ("backbone") or `name` in the plural; `UserError` when there is none."""
    for kind in KINDS:
        if name in (kind.name, kind.plural):
            return kind
    raise unknown_name("kind", name, [kind.plural for kind in KINDS])


def options_key(kind: PluginKind, name: str) -> str:
    """Return the recipe's key of a part's options: "loss.options", or "tracking.options.mlflow"."""
    if kind.spec is TrackerSpec:
        return f"tracking.options.{name}"
    return f"{'model' if kind.spec is BackboneSpec else kind.name}.options"


def names_of(spec: Spec) -> tuple[str, ...]:
    """Return the names of a spec: its own name, then its aliases."""
    aliases = spec.aliases if isinstance(spec, DatasetSpec) else ()
    return tuple(dict.fromkeys((spec.name, *aliases)))


def fault_of(kind: PluginKind, returned: object) -> str:
    """Return what is wrong with the value that a hook of this kind returned; "" for a list of valid specs."""
    if not isinstance(returned, list | tuple):
        return f"returned {_a(returned)} instead of a list of {kind.spec.__name__}"
    for item in returned:
        if kind.family and isinstance(item, kind.family):
            fault = _fault_of_family(item)
            if fault:
                return f"returned a family of {kind.plural} {item.prefix!r}, {fault}"
            continue
        if not isinstance(item, kind.spec):
            return f"returned a list with {_a(item)} in it instead of {kind.spec.__name__} values only"
        fault = fault_of_spec(kind, item)
        if fault:
            return f"returned {kind.word} {item.name!r}, {fault}"
    return ""


def fault_of_spec(kind: PluginKind, spec: Spec) -> str:
    """Return which of a spec's fields is wrong, as "whose name …"; "" when none is."""
    for name in names_of(spec):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return "whose name or alias is not made of letters, digits and any of _ . : @ - after the first letter"
    return _fault_of_content(kind, spec)


def fault_of_member(kind: PluginKind, spec: object, name: str) -> str:
    """Return what is wrong with the spec that a family resolved `name` to, as "whose name …"; "" when nothing is."""
    if not isinstance(spec, kind.spec):
        return f"which is {_a(spec)} instead of a {kind.spec.__name__}"
    if spec.name != name:
        return f"whose name is {spec.name!r}"
    return _fault_of_content(kind, spec)


def _fault_of_family(family: BackboneFamily) -> str:
    if not isinstance(family.prefix, str) or not _PREFIX.fullmatch(family.prefix):
        return "whose prefix is not made of letters, digits and any of _ . -"
    if not isinstance(family.summary, str) or not family.summary.strip() or "\n" in family.summary:
        return "whose summary is not one line of text"
    wrong = next((field for field in ("names", "resolve") if not callable(getattr(family, field))), "")
    return f"whose `{wrong}` is {_a(getattr(family, wrong))}, not a function" if wrong else ""


def _fault_of_content(kind: PluginKind, spec: Spec) -> str:
    if isinstance(spec, AblationSpec) and not _FLAG.fullmatch(spec.name):
        return "whose name cannot be a flag: use small letters, digits and single hyphens"
    if not isinstance(spec.summary, str) or not spec.summary.strip() or "\n" in spec.summary:
        return "whose summary is not one line of text"
    for field in kind.callables:
        value = getattr(spec, field)
        optional = value is None and isinstance(spec, AblationSpec)
        if not optional and not callable(value):
            return f"whose `{field}` is {_a(value)}, not a function"
    if not isinstance(spec, AblationSpec) and (fault := fault_of_options(spec.options)):
        return fault
    if isinstance(spec, BackboneSpec):
        return _fault_of_pixels(spec.pixel_mean, spec.pixel_std) or _fault_of_stages(spec.stages)
    if isinstance(spec, TrackerSpec):
        if "." in spec.name:
            return "whose name has a dot, which separates the parts of keys: its options are tracking.options.NAME"
        return _fault_of_requirements(spec.requires)
    if isinstance(spec, DatasetSpec):
        return _fault_of_targets(spec.targets) or _fault_of_extends(spec.extends, names_of(spec))
    return ""


def _fault_of_pixels(mean: object, std: object) -> str:
    for name, values in (("pixel_mean", mean), ("pixel_std", std)):
        if not isinstance(values, Sequence) or not values or not all(isinstance(v, int | float) for v in values):
            return f"whose `{name}` is not a tuple of one number per channel"
    assert isinstance(mean, Sequence)
    assert isinstance(std, Sequence)
    if len(mean) != len(std):
        return f"whose `pixel_mean` has {len(mean)} channels and whose `pixel_std` has {len(std)}"
    return "whose `pixel_std` has a value that is not above 0" if min(std) <= 0 else ""


def _fault_of_stages(stages: object) -> str:
    if isinstance(stages, tuple | list) and all(isinstance(stage, str) for stage in stages):
        return ""
    return "whose `stages` is not a tuple of names of the module's children"


def _fault_of_requirements(modules: object) -> str:
    if isinstance(modules, tuple | list) and all(isinstance(name, str) and name.isidentifier() for name in modules):
        return ""
    return "whose `requires` is not a tuple of names of top-level modules"


def _fault_of_targets(targets: object) -> str:
    if not isinstance(targets, tuple | list) or not targets or not all(isinstance(t, Target) for t in targets):
        return "whose `targets` is not a tuple of at least one Target"
    names = [target.name for target in targets]
    if len(set(names)) < len(names):
        return f"whose targets share a name: {', '.join(names)}"
    for target in targets:
        if isinstance(target.classes, Mapping) and len(target.classes) < 2:
            return f"whose target {target.name!r} has fewer than two classes"
        unknown = set(target.positive) - set(target.positive if target.classes is None else target.classes)
        if unknown:
            return f"whose target {target.name!r} calls a class positive that it does not have: {min(unknown)!r}"
    return ""


def _fault_of_extends(extends: object, own: Sequence[str]) -> str:
    if not isinstance(extends, str):
        return "whose `extends` is not the name of a data set"
    return "which extends itself: name another data set, or leave `extends` out" if extends in own else ""


def _a(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
