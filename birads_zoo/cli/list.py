"""`birads-zoo list`: lists everything that is registered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from birads_zoo.api.backbones import members_like
from birads_zoo.api.opening import open_host
from birads_zoo.cli.options import plugin_option
from birads_zoo.errors import UserError, unknown_name
from birads_zoo.interfaces import BackboneSpec, Spec
from birads_zoo.plugin.kinds import KINDS, PluginKind, kind_of

if TYPE_CHECKING:
    from birads_zoo.plugin.host import Host, Registered
    from birads_zoo.recipes.registry import Registry

_KINDS = (*(kind.plural for kind in KINDS), "recipes")


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """A registered part or recipe; `plugin` names the distribution or file that it comes from.

    `weights` describes the pretrained weights of a backbone, and `licence` is their licence; both are "" otherwise.
    """

    kind: str
    name: str
    aliases: tuple[str, ...]
    plugin: str
    summary: str
    weights: str = ""
    licence: str = ""

    @property
    def names(self) -> str:
        return f"{self.name} ({', '.join(self.aliases)})" if self.aliases else self.name


@click.command("list")
@click.argument("kind", required=False, metavar="[KIND]")
@click.argument("pattern", required=False, metavar="[PATTERN]")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list on stdout.")
@plugin_option
def command(kind: str | None, pattern: str | None, as_json: bool, plugin_files: tuple[Path, ...]) -> None:
    """List everything that is registered: its name, its plugin and a one-line summary.

    A backbone with pretrained weights also shows their name and licence.

    KIND is one of datasets, augmentations, losses, backbones, explainers, trackers, ablations and recipes; without it
    all are listed. PATTERN is a name that may contain * and ?. The members of a family of backbones are listed only
    for a pattern with its prefix: birads-zoo list backbones 'timm/convnext*'
    """
    if kind is not None and kind not in _KINDS:
        raise unknown_name("kind", kind, _KINDS)
    registry, host = open_host(plugin_files)
    entries = [*_plugged(host, registry), *(_families(host) if pattern is None else ()), *_recipes(registry)]
    shown = [entry for entry in entries if kind in (None, entry.kind)]
    if pattern is not None:
        shown = [entry for entry in shown if fnmatchcase(entry.name, pattern)]
        shown += _members(host, registry, pattern) if kind == "backbones" else []
        if not shown:
            raise UserError(f"none of the {kind} is called {pattern!r}; birads-zoo list {kind} shows their names")
    if as_json:
        click.echo(json.dumps([asdict(entry) for entry in shown], indent=2, ensure_ascii=False))
    else:
        click.echo(_table(shown), nl=False)


def _plugged(host: Host, registry: Registry) -> Iterator[_Entry]:
    for kind in KINDS:
        for _, registered in sorted(host.of_kind(kind.plural).items()):
            yield _entry(kind, registered, registry)


def _families(host: Host) -> Iterator[_Entry]:
    for prefix, registered in sorted(host.families.items()):
        yield _Entry(
            kind="backbones",
            name=f"{prefix}/…",
            aliases=(),
            plugin=registered.plugin,
            summary=f"{registered.spec.summary}; birads-zoo list backbones '{prefix}/*'",
        )


def _members(host: Host, registry: Registry, pattern: str) -> Iterator[_Entry]:
    for name in members_like(host, pattern):
        yield _entry(kind_of("backbone"), host.registered("backbone", name), registry)


def _entry(kind: PluginKind, registered: Registered[Spec], registry: Registry) -> _Entry:
    spec = registered.spec
    weights, licence = (spec.weights, spec.licence) if isinstance(spec, BackboneSpec) else ("", "")
    return _Entry(
        kind=kind.plural,
        name=spec.name,
        aliases=registered.aliases,
        plugin=registered.plugin,
        summary=spec.summary,
        weights=weights,
        licence=registry.licences.get(spec.name, licence) if weights else "",
    )


def _recipes(registry: Registry) -> Iterator[_Entry]:
    for name, table in sorted(registry.recipes.items()):
        summary = table.get("summary", "")
        yield _Entry(kind="recipes", name=name, aliases=(), plugin=registry.giver(name), summary=summary)


def _table(entries: list[_Entry]) -> str:
    """Format the entries in columns, under a heading for each kind; facts about weights go below an entry."""
    names = max((len(entry.names) for entry in entries), default=0)
    summaries = max((len(entry.summary) for entry in entries), default=0)
    lines: list[str] = []
    for kind in _KINDS:
        of_kind = [entry for entry in entries if entry.kind == kind]
        if of_kind:
            lines += [*([""] if lines else []), click.style(kind, bold=True)]
        for entry in of_kind:
            lines.append(f"  {entry.names:<{names}}  {entry.summary:<{summaries}}  {entry.plugin}")
            facts = (("weights", entry.weights), ("licence", entry.licence))
            lines += [f"  {'':<{names}}    {label}: {value}" for label, value in facts if value]
    return "".join(f"{line}\n" for line in lines)
