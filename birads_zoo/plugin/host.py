"""The host: loads the plugins, reports the broken ones without stopping, and looks up what they registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import pluggy

from birads_zoo.errors import UserError, did_you_mean, is_out_of_memory, nearest, unknown_name
from birads_zoo.interfaces import (
    PROJECT,
    AblationSpec,
    AugmentationSpec,
    BackboneFamily,
    BackboneSpec,
    DatasetSpec,
    ExplainerSpec,
    LossSpec,
    Options,
    Spec,
    TrackerSpec,
)
from birads_zoo.plugin import hookspecs
from birads_zoo.plugin.api_number import fault_of_number, number_in, number_of
from birads_zoo.plugin.kinds import KINDS, PluginKind, fault_of, fault_of_member, kind_of, names_of, options_key
from birads_zoo.plugin.options import read_options
from birads_zoo.plugin.sources import Source, describe, entry_point_sources, file_sources

S = TypeVar("S", bound=Spec | BackboneFamily)
S_co = TypeVar("S_co", bound=Spec | BackboneFamily, covariant=True)


@dataclass(frozen=True)
class Registered(Generic[S_co]):
    """A spec, the plugin it came from ("acme-zoo 0.3", or a file's path), and its other names."""

    spec: S_co
    plugin: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Host:
    """Everything that is registered, by kind and name, and a sentence for each broken plugin.

    `families` holds families of backbones by prefix. A family's members are not listed here; they are resolved by name.
    """

    datasets: Mapping[str, Registered[DatasetSpec]]
    augmentations: Mapping[str, Registered[AugmentationSpec]]
    losses: Mapping[str, Registered[LossSpec]]
    backbones: Mapping[str, Registered[BackboneSpec]]
    explainers: Mapping[str, Registered[ExplainerSpec]]
    trackers: Mapping[str, Registered[TrackerSpec]]
    ablations: Mapping[str, Registered[AblationSpec]]
    families: Mapping[str, Registered[BackboneFamily]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def dataset(self, name: str) -> DatasetSpec:
        """Return the data set called `name` (or with that alias); `UserError` with the nearest names otherwise."""
        return _find(self.datasets, "data set", name).spec

    def augmentation(self, name: str) -> AugmentationSpec:
        """Return the augmentation called `name`; `UserError` with the nearest names otherwise."""
        return _find(self.augmentations, "augmentation", name).spec

    def loss(self, name: str) -> LossSpec:
        """Return the loss called `name`; `UserError` with the nearest names otherwise."""
        return _find(self.losses, "loss", name).spec

    def backbone(self, name: str) -> BackboneSpec:
        """Return the backbone called `name`, also as `family/name`; `UserError` with the nearest names otherwise."""
        return self._backbone(name).spec

    def explainer(self, name: str) -> ExplainerSpec:
        """Return the explainer called `name`; `UserError` with the nearest names otherwise."""
        return _find(self.explainers, "explainer", name).spec

    def tracker(self, name: str) -> TrackerSpec:
        """Return the tracker called `name`; `UserError` with the nearest names otherwise."""
        return _find(self.trackers, "tracker", name).spec

    def ablation(self, name: str) -> AblationSpec:
        """Return the ablation called `name`; `UserError` with the nearest names otherwise."""
        return _find(self.ablations, "ablation", name).spec

    def of_kind(self, kind: str) -> Mapping[str, Registered[Spec]]:
        """Return what is registered of one kind, named in the singular or plural."""
        registered: Mapping[str, Registered[Spec]] = getattr(self, kind_of(kind).plural)
        return registered

    def registered(self, kind: str, name: str) -> Registered[Spec]:
        """Return what is registered as `name`, with its plugin; `UserError` with the nearest names otherwise."""
        if kind_of(kind).spec is BackboneSpec:
            return self._backbone(name)
        return _find(self.of_kind(kind), kind_of(kind).word, name)

    def options(self, kind: str, name: str, values: Mapping[str, Any]) -> Options:
        """Return a recipe's `values` as the typed options of a part; `UserError` for an option it does not have."""
        spec = self.registered(kind, name).spec
        assert not isinstance(spec, AblationSpec), "an ablation has no options"
        key = options_key(kind_of(kind), spec.name)
        return read_options(spec.options, values, f"{kind_of(kind).word} {spec.name!r}", key)

    def _backbone(self, name: str) -> Registered[BackboneSpec]:
        prefix, slash, member = name.partition("/")
        if not slash or not self.families:
            return _find(self.backbones, "backbone", name, [f"{prefix}/…" for prefix in self.families])
        if prefix not in self.families:
            raise unknown_name("family of backbones", prefix, self.families)
        family = self.families[prefix]
        try:
            spec = family.spec.resolve(member)
        except KeyError:
            raise unknown_name("backbone", name, self.members(prefix)) from None
        if fault := fault_of_member(kind_of("backbone"), spec, name):
            raise UserError(f"plugin {family.plugin} is broken: its family {prefix!r} has {name!r}, {fault}")
        return Registered(spec, family.plugin)

    def members(self, prefix: str) -> list[str]:
        """Return the names of a family's members, with the prefix; `UserError` where it lists none or fails."""
        family = self.families[prefix]
        try:
            names = [f"{prefix}/{name}" for name in family.spec.names()]
        except Exception as error:  # a plugin's function may raise anything
            problem = describe(error, family.plugin)
            raise UserError(
                f"family of backbones {prefix!r} (plugin {family.plugin}) failed to list its names: {problem}"
            ) from error
        if not names:
            raise UserError(
                f"family of backbones {prefix!r} (plugin {family.plugin}) has no member: its names() lists none"
            )
        return names

    @contextmanager
    def building(self, kind: str, name: str) -> Iterator[None]:
        """Turn an exception from a plugin's callable in the block into a `UserError` that names the plugin.

        `kind` is a singular such as "backbone". A `UserError` passes unchanged, and so does a lack of memory.
        The original is kept as the cause.
        """
        registered = self.registered(kind, name)
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            if is_out_of_memory(error):  # not the plugin's mistake
                raise
            problem = describe(error, registered.plugin)
            message = f"{kind_of(kind).word} {name!r} (plugin {registered.plugin}) failed: {problem}"
            raise UserError(message) from error


def load_host(
    plugin_files: Sequence[Path] = (),
    *,
    registered_files: Sequence[Path] = (),
    disabled: Sequence[str] = (),
    strict: bool = False,
) -> Host:
    """Load the installed plugins that are not `disabled`, `registered_files` and `plugin_files`, one by one.

    A plugin that does not load, is written for another plugin API, misspells a hook or returns something other than
    specs is left out and named in `Host.problems`. With `strict`, or when it is one of `plugin_files`, it is a
    `UserError`. A data set that extends an unknown one is reported in the same way, but not left out. Two plugins with
    the same name for a part of one kind are always a `UserError`.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    sources, faults = entry_point_sources(disabled)
    if strict and faults:
        raise faults[0]
    claims: list[tuple[Source, PluginKind, Spec | BackboneFamily]] = []
    for source in [*sources, *file_sources(plugin_files, registered_files)]:
        specs, new_faults = _collect(manager, source)
        if new_faults and (strict or source.named):
            raise new_faults[0]
        faults += new_faults
        claims += [(source, kind, spec) for kind, spec in specs]
    for source, fault in _unknown_extended(claims):
        if strict or source.named:
            raise fault
        faults.append(fault)
    return _host(claims, tuple(str(fault) for fault in faults))


def _collect(
    manager: pluggy.PluginManager, source: Source
) -> tuple[list[tuple[PluginKind, Spec | BackboneFamily]], list[UserError]]:
    """Load one plugin and call its hooks; return its specs, and an error for each thing that is wrong with it."""
    try:
        module = source.load()
    except UserError as error:
        return [], [error]
    except (Exception, SystemExit) as error:
        problem = fault_of_number(number_in(source.file())) or f"failed at import: {describe(error, source.label)}"
        return [], [_fault(source, problem, error)]
    try:
        if problem := fault_of_number(number_of(module)):
            return [], [_fault(source, problem)]
        manager.register(module, name=source.where)
    except Exception as error:  # pluggy's own, or one that an attribute of the module raises
        return [], [_fault(source, f"has hooks that do not fit: {describe(error)}", error)]
    specs: list[tuple[PluginKind, Spec | BackboneFamily]] = []
    faults: list[UserError] = []
    implemented = [
        (caller.name, impl.function)
        for caller in manager.get_hookcallers(module) or []
        for impl in caller.get_hookimpls()
        if impl.plugin is module
    ]
    if not implemented:
        faults.append(_fault(source, f"registers nothing: mark a function named {_hooks('or')} with @hookimpl"))
    for hook, function in implemented:
        kind = next((kind for kind in KINDS if kind.hook == hook), None)
        if kind is None:
            faults.append(_fault(source, f"has a hook that does not exist, {hook!r}: {_nearest_hook(hook)}"))
            continue
        try:
            returned: Any = function()
        except (Exception, SystemExit) as error:
            faults.append(_fault(source, f"failed in {hook}: {describe(error, source.label)}", error))
            continue
        fault = fault_of(kind, returned)
        if fault:
            faults.append(_fault(source, f"is broken: {hook} {fault}"))
        else:
            specs += [(kind, spec) for spec in returned]
    return specs, faults


def _unknown_extended(
    claims: Sequence[tuple[Source, PluginKind, Spec | BackboneFamily]],
) -> Iterator[tuple[Source, UserError]]:
    """Yield an error, with its plugin, for each data set that extends an unknown data set."""
    datasets = [(source, spec) for source, _, spec in claims if isinstance(spec, DatasetSpec)]
    names = [spec.name for _, spec in datasets]
    for source, spec in datasets:
        if spec.extends and spec.extends not in names:
            unknown = unknown_name("data set", spec.extends, names)
            yield source, _fault(source, f"is broken: its data set {spec.name!r} extends an {unknown}")


def _host(claims: Sequence[tuple[Source, PluginKind, Spec | BackboneFamily]], problems: tuple[str, ...]) -> Host:
    registered: dict[str, dict[str, Registered[Any]]] = {kind.plural: {} for kind in KINDS}
    families: dict[str, Registered[BackboneFamily]] = {}
    claimed: dict[tuple[str, str], str] = {}
    for source, kind, spec in claims:
        names = (f"{spec.prefix}/",) if isinstance(spec, BackboneFamily) else names_of(spec)
        for name in names:
            if (kind.name, name) in claimed:
                raise _clash(kind, name, claimed[kind.name, name], source.label)
            claimed[kind.name, name] = source.label
        if isinstance(spec, BackboneFamily):
            families[spec.prefix] = Registered(spec, source.label)
        else:
            registered[kind.plural][spec.name] = Registered(spec, source.label, names[1:])
    return Host(**registered, families=families, problems=problems)


def _clash(kind: PluginKind, name: str, first: str, second: str) -> UserError:
    if first == second:
        return UserError(f"plugin {first} claims the {kind.word} name {name!r} twice: rename one of the two")
    return UserError(
        f"two plugins claim the {kind.word} name {name!r}: {first} and {second}; rename one, or leave one out "
        "(an installed one with `[plugins] disabled` in registry.toml, a file by not naming it)"
    )


def _find(registered: Mapping[str, Registered[S]], word: str, name: str, others: Sequence[str] = ()) -> Registered[S]:
    if name in registered:
        return registered[name]
    for candidate in registered.values():
        if name in candidate.aliases:
            return candidate
    known = [*registered, *(alias for candidate in registered.values() for alias in candidate.aliases)]
    raise unknown_name(word, name, [*known, *others])


def _fault(source: Source, problem: str, cause: BaseException | None = None) -> UserError:
    fault = UserError(f"{source.where} {problem}")
    fault.__cause__ = cause
    return fault


def _hooks(joiner: str) -> str:
    names = [kind.hook for kind in KINDS]
    return f"{', '.join(names[:-1])} {joiner} {names[-1]}"


def _nearest_hook(hook: str) -> str:
    return did_you_mean(nearest(hook, [kind.hook for kind in KINDS])[:1]) or f"the hooks are {_hooks('and')}"
